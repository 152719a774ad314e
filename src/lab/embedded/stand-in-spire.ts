import { X509Certificate } from "node:crypto";
import { Problem } from "../../core/problem.js";
import { type CertificateAuthority, createRootCa } from "../../peers/pki/authority.js";
import type { AttestationResult } from "../../rehearse/relay.js";
import type { ListedAgent, WorkloadSvid } from "../world.js";

const source = "the stand-in for SPIRE";

const svidTtlMs = 3_600_000;

/**
 * What SPIRE server does with an attestation's outcome, as far as the lab shows it: an agent list, and X.509-SVIDs for
 * workloads whose entry names the node's selectors. It stands in for SPIRE where SPIRE is not on PATH.
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

  /** An attestation went well: the node stands in the list. */
  admit({ spiffeId, selectors, canReattest }: AttestationResult, attestationType: string): void {
    this.#agents.set(spiffeId, { spiffeId, attestationType, selectors, canReattest, source: `${source}'s agent list` });
  }

  /** The list is empty again, as after `spire-server agent evict`. */
  forget(): void {
    this.#agents.clear();
  }

  agents(): ListedAgent[] {
    return [...this.#agents.values()];
  }

  /** Issues for an entry whose parent is any node with all these selectors. */
  async issueWorkload(spiffeId: string, nodeSelectors: readonly string[]): Promise<WorkloadSvid> {
    const parent = this.agents().find(({ selectors }) => nodeSelectors.every((wanted) => selectors.includes(wanted)));
    if (parent === undefined) {
      throw new Problem("lab-svid", `no attested node has ${nodeSelectors.join(", ")}`, { culprit: "ours" });
    }
    const { certPem } = await this.#ca.issue({
      subject: "C=US, O=SPIRE",
      uris: [spiffeId],
      eku: ["clientAuth", "serverAuth"],
      notAfter: new Date(Date.now() + svidTtlMs),
    });
    const certificate = new X509Certificate(certPem);
    if (!certificate.verify(this.#ca.keyPair.publicKey)) throw new Error("the issued SVID does not verify");
    return { spiffeId, serial: certificate.serialNumber.toLowerCase(), source };
  }
}
