import { X509Certificate } from "node:crypto";
import { runSpireAgent, type SpireAgent } from "../../peers/real/spire-agent.js";
import type { SpireLogEntry, SpireProcess } from "../../peers/real/spire-process.js";
import { runSpireServer, type SpireServer } from "../../peers/real/spire-server.js";
import { until } from "../../peers/real/until.js";
import { type LabFiles, labTrustDomain } from "../lab-files.js";
import { logLine } from "../log-line.js";
import type { Tell } from "../report-schema.js";
import type { ListedAgent, NodeAttestation, Spire, WorkloadSvid } from "../world.js";
import type { RealPrograms } from "./real-programs.js";

export interface RealSpireOptions {
  programs: RealPrograms;
  files: LabFiles;
  port: number;
  signal: AbortSignal;
}

/** spire-server and spire-agent as processes; what is told of them is what they log. */
export class RealSpire implements Spire {
  readonly trustDomain = labTrustDomain;
  #server: SpireServer | undefined;
  #agent: SpireAgent | undefined;
  /** How many log lines of each process were told or passed over. */
  readonly #read = new WeakMap<SpireProcess["child"], number>();

  constructor(private readonly options: RealSpireOptions) {}

  async loadServer(tell: Tell): Promise<void> {
    await this.stop();
    const { programs, files, port, signal } = this.options;
    this.#server = await runSpireServer({
      program: programs.spireServer,
      home: files.spireServer,
      trustDomain: this.trustDomain,
      port,
      env: { TMPDIR: files.temporary },
      signal,
    });
    this.#tellLog(this.#server, "spire-server", tell);
  }

  async attest(tell: Tell): Promise<NodeAttestation> {
    const server = this.#runningServer();
    const outcome =
      this.#agent === undefined ? await this.#firstAttestation() : await this.#attestationAnew(this.#agent);
    this.#tellLog(server, "spire-server", tell);
    if (this.#agent !== undefined) this.#tellLog(this.#agent, "spire-agent", tell);
    if (outcome.failure !== undefined) {
      await this.#agent?.stop();
      this.#agent = undefined;
    }
    return outcome;
  }

  serverPluginPid(): number | undefined {
    const started = this.#server?.logEntries().findLast(({ msg }) => msg === "plugin started");
    return this.#server?.child.exit === undefined ? (started?.pid as number | undefined) : undefined;
  }

  async agents(): Promise<ListedAgent[]> {
    const agents = await this.#runningServer().agents();
    return agents.map(({ id, attestation_type, selectors, can_reattest }) => ({
      spiffeId: `spiffe://${id.trust_domain}${id.path}`,
      attestationType: attestation_type,
      selectors: selectors.map(({ type, value }) => `${type}:${value}`),
      canReattest: can_reattest,
      source: "spire-server agent list",
    }));
  }

  async issueWorkload(spiffeId: string, nodeSelectors: readonly string[]): Promise<WorkloadSvid> {
    const [server, agent] = [this.#runningServer(), this.#agent!];
    const nodeAlias = `spiffe://${this.trustDomain}/attested-by-keylime`;
    await server.createEntry({ spiffeId: nodeAlias, node: true, selectors: nodeSelectors });
    const workload = [`unix:uid:${process.getuid!()}`];
    await server.createEntry({ spiffeId, parentId: nodeAlias, selectors: workload });
    const svid = await until(async () => (await agent.fetchX509()).find((each) => each.spiffe_id === spiffeId), {
      what: `an X.509-SVID for ${spiffeId} from the Workload API`,
      timeoutMs: 30_000,
      intervalMs: 200,
      signal: this.options.signal,
    });
    const certificate = new X509Certificate(Buffer.from(svid.x509_svid, "base64"));
    return { spiffeId, serial: certificate.serialNumber.toLowerCase(), source: "spire-agent's Workload API" };
  }

  async stop(): Promise<void> {
    const [agent, server] = [this.#agent, this.#server];
    this.#agent = undefined;
    this.#server = undefined;
    await agent?.stop();
    await server?.stop();
  }

  #runningServer(): SpireServer {
    if (this.#server === undefined) throw new Error("spire-server is not loaded");
    return this.#server;
  }

  async #firstAttestation(): Promise<NodeAttestation> {
    const { programs, files, signal } = this.options;
    this.#agent = await runSpireAgent({
      program: programs.spireAgent,
      home: files.spireAgent,
      waitUntilHealthy: false,
      env: { TMPDIR: files.temporary },
      signal,
    });
    return await this.#outcomeOf(this.#agent, 0);
  }

  /** An evicted agent notices at its next synchronisation and attests by itself. */
  async #attestationAnew(agent: SpireAgent): Promise<NodeAttestation> {
    const before = agent.logEntries().length;
    for (const { spiffeId } of await this.agents()) await this.#runningServer().evict(spiffeId);
    return await this.#outcomeOf(agent, before);
  }

  async #outcomeOf(agent: SpireAgent, before: number): Promise<NodeAttestation> {
    let wasOver = false;
    const outcomeOrEnd = () => {
      const outcome = outcomeIn(agent.logEntries().slice(before));
      if (outcome !== undefined || wasOver) return outcome ?? "ended";
      // The last lines may be read only after the exit was seen.
      wasOver = agent.child.exit !== undefined;
      return undefined;
    };
    const outcome = await until(outcomeOrEnd, {
      what: "spire-agent's attestation to end",
      timeoutMs: 60_000,
      signal: this.options.signal,
      evidence: () => agent.log(),
    });
    if (outcome === "ended") throw agent.ended("peer-ended", "before it attested");
    return outcome;
  }

  #tellLog(process: SpireProcess, source: string, tell: Tell): void {
    const entries = process.logEntries();
    const from = this.#read.get(process.child) ?? 0;
    this.#read.set(process.child, entries.length);
    for (const entry of entries.slice(from).filter(isOfTheStory)) {
      const { level, msg, ...fields } = entry;
      tell({ type: "log", source, level: level === "warning" ? "warn" : level, text: logLine(msg, fields) });
    }
  }
}

const attested = /^(Node attestation was successful|Successfully reattested node)$/;

/** The words of SPIRE 1.13: success is one line, a failure is a line with the gRPC status of AttestAgent in it. */
function outcomeIn(entries: readonly SpireLogEntry[]): NodeAttestation | undefined {
  for (const { msg, spiffe_id, error } of entries) {
    if (attested.test(msg)) return { spiffeId: String(spiffe_id) };
    const status = /code = (\w+) desc = (nodeattestor\(\w+\): .*)$/s.exec(String(error ?? ""));
    if (status !== null) return { failure: { code: statusName(status[1]!), message: status[2]! } };
  }
  return undefined;
}

/** `PermissionDenied`, as Go prints it, by its name in the gRPC specification. */
const statusName = (goName: string): string => goName.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();

/** What concerns the node's attestation, among all that SPIRE logs. */
function isOfTheStory({ level, msg, plugin_name, method, subsystem_name }: SpireLogEntry): boolean {
  if (level === "debug") return false;
  // What the catalog says of loading, the plugin's own line says too.
  if (plugin_name === "keylime") return subsystem_name !== "catalog";
  if (method === "DeleteAgent") return true;
  // What the server logs of a refusal stands in the agent's line too.
  if (method !== undefined) return false;
  return subsystem_name === "attestor" || /attest|Agent crashed/i.test(msg);
}
