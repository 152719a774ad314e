import { X509Certificate } from "node:crypto";
import { type CertificateAuthority, createRootCa } from "../peers/pki/authority.js";

/** One line of the agent list, as `spire-server agent list` shows it. */
export interface ListedAgent {
  spiffeId: string;
  attestationType: string;
  selectors: readonly string[];
  canReattest: boolean;
  serial: string;
  expiresAt: string;
}

export interface WorkloadSvid {
  spiffeId: string;
  serial: string;
  expiresAt: string;
  parentId: string;
}

const agentTtlMs = 3_600_000;

/**
 * What SPIRE server does with an attestation's outcome, as far as the lab shows it: an agent list, and X.509-SVIDs for the
 * node and for a workload whose entry names the node's selectors. It stands in for SPIRE where SPIRE is not on PATH.
 */
export class StandInSpire {
  readonly #agents = new Map<string, ListedAgent>();
  readonly #ca: CertificateAuthority;
  readonly trustDomain: string;

  private constructor(trustDomain: string, ca: CertificateAuthority) {
    this.trustDomain = trustDomain;
    this.#ca = ca;
  }

  static async start(trustDomain: string): Promise<StandInSpire> {
    return new StandInSpire(trustDomain, await createRootCa({ commonName: `SPIRE stand-in CA of ${trustDomain}` }));
  }

  /** An attestation went well: the node gets its SVID and stands in the list. Selectors are `type:value`. */
  async admit(spiffeId: string, attestationType: string, selectors: readonly string[]): Promise<ListedAgent> {
    const { serial, expiresAt } = await this.#issueSvid(spiffeId);
    const agent = {
      spiffeId,
      attestationType,
      selectors,
      canReattest: true,
      serial,
      expiresAt,
    };
    this.#agents.set(spiffeId, agent);
    return agent;
  }

  agents(): ListedAgent[] {
    return [...this.#agents.values()];
  }

  /** Issues for an entry whose parent is any node with all these selectors; undefined when there is no such node. */
  async issueWorkload(spiffeId: string, nodeSelectors: readonly string[]): Promise<WorkloadSvid | undefined> {
    const parent = this.agents().find(({ selectors }) => nodeSelectors.every((wanted) => selectors.includes(wanted)));
    if (parent === undefined) return undefined;
    return { spiffeId, parentId: parent.spiffeId, ...(await this.#issueSvid(spiffeId)) };
  }

  async #issueSvid(spiffeId: string): Promise<{ serial: string; expiresAt: string }> {
    const { certPem } = await this.#ca.issue({
      subject: "C=US, O=SPIRE",
      uris: [spiffeId],
      eku: ["clientAuth", "serverAuth"],
      notAfter: new Date(Date.now() + agentTtlMs),
    });
    const certificate = new X509Certificate(certPem);
    if (!certificate.verify(this.#ca.keyPair.publicKey)) throw new Error("the issued SVID does not verify");
    return { serial: certificate.serialNumber.toLowerCase(), expiresAt: certificate.validTo };
  }
}
