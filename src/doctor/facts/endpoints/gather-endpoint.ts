import { randomBytes, type X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { errorText } from "../../../core/problem.js";
import { knownApiVersions, parseOfferedVersions } from "../../../keylime/api-version.js";
import { openEnvelope } from "../../../keylime/call.js";
import { type AgentsService, serviceBehind } from "../../../keylime/service-behind.js";
import type { ConnectionStory } from "../../../probe/connection-story.js";
import { loadCertificates, loadCredentials } from "../../../probe/load-credentials.js";
import { carriesName } from "../../../probe/server-name.js";
import { alternativeNamesText, certificateFacts } from "../../../x509/certificate.js";
import { runBounded } from "../bounded.js";
import { type Fact, known, unknown } from "../fact.js";
import { clockSkew, commonSkew } from "./clock-skew.js";
import type {
  ClockSkew,
  EndpointFacts,
  PlainAnswer,
  QuoteAnswer,
  TcpResult,
  TlsConnectionFacts,
  VersionAnswer,
} from "./endpoint-facts.js";
import type { CredentialPlan, EndpointPlan, LiveOptions } from "./endpoint-plan.js";
import { askPlain } from "./plain-request.js";
import { resolveHost, tryTcp } from "./resolve.js";
import { askTls, type Presented, type TlsAnswer } from "./tls-request.js";

/** A name no agent has, so that what answers shows itself by its way of not knowing it. */
const unknownAgent = "spire-keylime-doctor";
/** A peer that has not begun to answer a ClientHello by then is asked in plain HTTP beside it. */
const plainAfterMs = 400;
const mostCredentials = 8;
const parallelConnections = 3;

/** Looks at one endpoint: name, TCP, what it speaks, and what it makes of each credential. Never throws. */
export async function gatherEndpoint(plan: EndpointPlan, options: LiveOptions): Promise<EndpointFacts> {
  const addresses = await resolveHost(plan.host, options);
  const tcp = addresses.known ? await Promise.all(addresses.value.map((each) => tryTcp(each, plan.port, options))) : [];
  const look = new EndpointLook(plan, options);
  if (plan.role !== "contact" && tcp.some(({ outcome }) => outcome === "connected")) await look.run();
  return look.tell(addresses, tcp);
}

class EndpointLook {
  private readonly connections: TlsConnectionFacts[] = [];
  private readonly stories: ConnectionStory[] = [];
  private readonly skews: ClockSkew[] = [];
  private readonly unusable: EndpointFacts["unusable"][number][] = [];
  private readonly anchors: X509Certificate[];
  private plain: PlainAnswer | undefined;
  private version: VersionAnswer | undefined;
  private service: AgentsService | undefined;
  private quote: QuoteAnswer | undefined;
  /** It let a step run into its time-out; more of the same would take more of it. */
  private isHanging = false;
  private readonly target: string;

  constructor(
    private readonly plan: EndpointPlan,
    private readonly options: LiveOptions,
  ) {
    this.target = `${isIP(plan.host) === 6 ? `[${plan.host}]` : plan.host}:${plan.port}`;
    this.anchors = plan.caFiles.flatMap(readAnchors);
  }

  async run(): Promise<void> {
    if (this.plan.role === "registrar-http") await this.lookPlainFirst();
    else await this.lookTlsFirst();
    if (this.speaks === "tls") await this.lookBehindTls();
    if (this.plan.role === "agent") await this.askForQuote();
  }

  tell(addresses: Fact<string[]>, tcp: readonly TcpResult[]): EndpointFacts {
    const { id, role, askedBy, host, port, serverName, namedBy } = this.plan;
    const source = `probe of ${this.target}`;
    const fact = <T>(value: T | undefined, reason: string): Fact<T> =>
      value === undefined ? unknown(reason, source) : known(value, source);
    const unseen = this.unseenReason(addresses, tcp);
    return {
      ...{ id, role, askedBy, host, port, serverName, namedBy },
      addresses,
      tcp,
      speaks: fact(this.speaks, unseen),
      connections: this.connections,
      plain: this.plain,
      unusable: this.unusable,
      name: fact(this.nameFact(), `${unseen}, so no certificate was seen`),
      version: fact(this.version, `${unseen}, so /version was not answered`),
      service: fact(this.service, "no answer shows which Keylime service it is"),
      clock: fact(commonSkew(this.skews), "no answer carried a Date header, or they contradict each other"),
      anonymousQuote: fact(this.quote, "no quote was asked for without a certificate"),
    };
  }

  private get speaks(): "tls" | "http" | undefined {
    if (this.stories.some(({ version, alert }) => version !== undefined || alert !== undefined)) return "tls";
    return this.plain?.is === "http" ? "http" : undefined;
  }

  private unseenReason(addresses: Fact<string[]>, tcp: readonly TcpResult[]): string {
    if (!addresses.known) return `${this.plan.host} did not resolve (${addresses.reason})`;
    if (!tcp.some(({ outcome }) => outcome === "connected")) {
      return `no connection to ${this.target} (${tcp.map(({ address, detail }) => `${address}: ${detail}`).join("; ")})`;
    }
    const problem = this.stories.find(({ problem: each }) => each !== undefined)?.problem;
    return problem === undefined ? `${this.target} answered nothing that tells it` : problem.message;
  }

  private async lookTlsFirst(): Promise<void> {
    const answered = new AbortController();
    const left = new AbortController();
    const handshake = this.connect(undefined, "/version", left.signal).finally(() => answered.abort());
    await delay(plainAfterMs, undefined, { signal: answered.signal }).catch(() => {});
    const { timeoutMs } = this.options;
    const isLate = !answered.signal.aborted;
    if (isLate) {
      await this.askPlainly("/version", Math.max(1, timeoutMs - plainAfterMs));
      // A server of plain HTTP takes a ClientHello for the beginning of a request, and waits for the rest until the time-out.
      if (this.plain?.is === "http") {
        left.abort();
        await handshake;
        return;
      }
    }
    this.keep(await handshake, "/version");
    if (!isLate && this.speaks === undefined) await this.askPlainly("/version", timeoutMs);
  }

  private async lookPlainFirst(): Promise<void> {
    await this.askPlainly("/version", this.options.timeoutMs);
    if (this.plain?.is === "http") return;
    this.keep(await this.connect(undefined, "/version"), "/version");
  }

  private async lookBehindTls(): Promise<void> {
    const isAgent = this.plan.role === "agent";
    const path = isAgent ? "/version" : `/v${this.pathVersion}/agents/${unknownAgent}`;
    const presented = this.plan.credentials.slice(0, mostCredentials).flatMap((each) => this.load(each));
    const waiting = isAgent ? presented : [undefined, ...presented];
    const answers = await runBounded(
      parallelConnections,
      waiting.map((each) => async () => (this.isHanging ? undefined : this.connect(each, path))),
    );
    for (const each of answers) if (each !== undefined) this.keep(each, path);
  }

  /** The newest the server offers in 2.x that we know, for its routes; 2.2 has all that are asked for here. */
  private get pathVersion(): string {
    const offered = this.version?.is === "list" ? this.version.offered : [];
    return (
      knownApiVersions.filter((each) => offered.includes(each)).at(-1) ??
      offered.find((each) => each.startsWith("2.")) ??
      "2.2"
    );
  }

  private load(plan: CredentialPlan): Presented[] {
    try {
      return [{ plan, credentials: loadCredentials(plan.files), stack: plan.stack }];
    } catch (error) {
      this.unusable.push({ name: plan.name, label: plan.label, reason: errorText(error) });
      return [];
    }
  }

  private async connect(presented: Presented | undefined, path: string, left?: AbortSignal): Promise<TlsAnswer> {
    const request = { endpoint: this.plan, presented, path, anchors: this.anchors };
    const answer = await askTls(request, withSignal(this.options, left));
    const { problem, outcome, http } = answer.story;
    this.isHanging ||= problem?.code === "probe-timeout" || (outcome === "accepted" && http === undefined);
    return answer;
  }

  private keep({ facts, story, skew }: TlsAnswer, path: string): void {
    this.connections.push(facts);
    this.stories.push(story);
    if (skew !== undefined) this.skews.push(skew);
    if (story.http !== undefined) this.learn(path, story.http.status, story.http.body);
  }

  private async askPlainly(path: string, timeoutMs: number): Promise<void> {
    const startMs = Date.now();
    const { host, port } = this.plan;
    const { answer, dateMs } = await askPlain({ host, port, path }, { ...this.options, timeoutMs });
    this.plain = answer;
    if (dateMs !== undefined) this.skews.push(clockSkew(dateMs, startMs, Date.now()));
    if (answer.is === "http") this.learn(path, answer.status, answer.body);
  }

  private learn(path: string, status: number, body: string): void {
    const { results, serverText } = openEnvelope(body);
    if (path !== "/version") {
      this.service ??= serviceBehind({ httpStatus: status, serverText, results });
      return;
    }
    const offered = status === 200 && results !== undefined ? parseOfferedVersions(results) : undefined;
    if (offered !== undefined) this.version ??= { is: "list", offered };
    else this.version ??= status === 410 ? { is: "push-mode" } : { is: "none", status };
    // Of Keylime's services the registrar alone serves this one without TLS; agents name no current version.
    if (this.plain?.is === "http" && results !== undefined && "current_version" in results)
      this.service ??= "registrar";
  }

  private nameFact(): { matches: boolean; names: string[] } | undefined {
    const leaf = this.stories
      .flatMap(({ serverChain }) => serverChain.slice(0, 1))
      .find((each) => !Buffer.isBuffer(each));
    if (leaf === undefined || Buffer.isBuffer(leaf)) return undefined;
    const { serverName } = this.plan;
    return {
      matches: carriesName(leaf, serverName),
      names: certificateFacts(leaf).sans.map((each) => alternativeNamesText([each])),
    };
  }

  /** The quote itself is dropped at once: only whether it came counts. */
  private async askForQuote(): Promise<void> {
    if (this.isHanging) return;
    const path = `/v${this.pathVersion}/quotes/identity?nonce=${randomBytes(10).toString("hex")}`;
    if (this.speaks === "http") {
      const { host, port } = this.plan;
      const { answer } = await askPlain({ host, port, path }, this.options);
      const status = answer.is === "http" ? answer.status : undefined;
      this.quote = { isHandedOut: answer.is === "http" && isQuote(answer.status, answer.body), over: "http", status };
      return;
    }
    const [first] = this.stories;
    if (this.speaks !== "tls" || first === undefined) return;
    if (first.http === undefined) {
      this.quote = { isHandedOut: false, over: "tls", status: undefined };
      return;
    }
    const { story } = await askTls({ endpoint: this.plan, presented: undefined, path, anchors: [] }, this.options);
    const { http } = story;
    this.quote = {
      isHandedOut: http !== undefined && isQuote(http.status, http.body),
      over: "tls",
      status: http?.status,
    };
  }
}

function withSignal(options: LiveOptions, more: AbortSignal | undefined): LiveOptions {
  const signals = [options.signal, more].filter((each) => each !== undefined);
  return signals.length === 0 ? options : { ...options, signal: AbortSignal.any(signals) };
}

const isQuote = (status: number, body: string): boolean => status === 200 && /"quote"\s*:\s*"r/.test(body);

function readAnchors(path: string): X509Certificate[] {
  try {
    return loadCertificates({ path, key: "", isDefault: false }, "CA file");
  } catch {
    return [];
  }
}
