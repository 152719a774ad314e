import type { X509Certificate } from "node:crypto";
import { errorText } from "../../core/problem.js";
import { type StackId, type StackVerdict, stacks } from "../../x509/trust/stacks.js";
import type { Facts } from "../facts/facts.js";
import { type FileFacts, type FileUse, type LegId, legIds, type ReaderId } from "../facts/files/file-facts.js";
import { isUnsaid } from "../facts/unsaid.js";
import {
  endsOf,
  type Leg,
  type LegEnd,
  type LocatedCertificate,
  type Presented,
  type Side,
  type SideVerdict,
  type Trust,
} from "./leg.js";
import { isAttested, isTakenLive, seenLive, storedAtVerifier } from "./live-view.js";
import { located, x509Of } from "./located.js";
import { trustsNobody } from "./trusts-nobody.js";

/** Who is at the ends of each leg. */
const ends: Record<LegId, { client: ReaderId; server: ReaderId }> = {
  "plugin->verifier": { client: "server-plugin", server: "verifier" },
  "plugin->registrar": { client: "server-plugin", server: "registrar" },
  "agent-plugin->agent": { client: "agent-plugin", server: "keylime-agent" },
  "verifier->agent": { client: "verifier", server: "keylime-agent" },
  "tenant->verifier": { client: "tenant", server: "verifier" },
  "tenant->registrar": { client: "tenant", server: "registrar" },
  "push-agent->verifier": { client: "keylime-agent", server: "verifier" },
};

type LegFacts = Pick<Facts, "files" | "spireServer" | "spireAgent" | "endpoints" | "keylime" | "node" | "scope">;

const built = new WeakMap<LegFacts, { nowMs: number; legs: readonly Leg[] }>();

/** The legs of which at least one end is configured here, judged. The same facts are judged once. */
export function legsOf(facts: LegFacts, nowMs: number): readonly Leg[] {
  const known = built.get(facts);
  if (known?.nowMs === nowMs) return known.legs;
  const legs = legIds.flatMap((id) => legOf(id, facts, nowMs));
  built.set(facts, { nowMs, legs });
  return legs;
}

/** One of them; undefined when neither of its ends is configured here. */
export function findLeg(id: LegId, facts: LegFacts, nowMs: number): Leg | undefined {
  return legsOf(facts, nowMs).find((leg) => leg.id === id);
}

function legOf(id: LegId, facts: LegFacts, nowMs: number): Leg[] {
  const isNamed = facts.files.some(({ uses }) => uses.some(({ legs }) => legs.includes(id)));
  if (!isNamed) return [];
  const server = legEnd(id, "server", facts, nowMs);
  const client = legEnd(id, "client", facts, nowMs);
  const leg = { id, client: id === "verifier->agent" ? trusting(client, server, facts) : client, server };
  const unjudged: SideVerdict = { is: "unknown", reason: "not judged" };
  const isClientTakenLive = isTakenLive(id, facts);
  const isServerTakenLive = id === "verifier->agent" && isAttested(facts, nowMs);
  const whole = { ...leg, verdicts: { client: unjudged, server: unjudged }, isClientTakenLive, isServerTakenLive };
  return [
    { ...whole, verdicts: { client: verdictOf(whole, "client", nowMs), server: verdictOf(whole, "server", nowMs) } },
  ];
}

function legEnd(id: LegId, side: Side, facts: LegFacts, nowMs: number): LegEnd {
  const reader = ends[id][side];
  const stack = side === "client" && reader === "keylime-agent" ? "keylime-push-agent" : stackOf(reader, facts);
  const named = facts.files.flatMap((file) =>
    file.uses
      .filter((use) => use.reader === reader && use.end === side && use.legs.includes(id))
      .map((use) => ({ use, file })),
  );
  const parts = named.filter(({ use }) => use.role === "ca" && !isUnsaidDefault(use, facts));
  const own = named.find(({ use }) => use.role === "certificate");
  const isEmpty = reader === "verifier" && side === "server" && isTrustEmpty(facts);
  const trust = parts.length === 0 && !isEmpty ? undefined : trustOf(parts);
  const seen = side === "server" ? seenLive(id, facts, own?.file) : undefined;
  const configured = own && presentedOf(own, { stack, trust, nowMs });
  return { reader, stack, trust, presented: seen ?? configured };
}

/** The verifier trusts the agent's registered certificate beside its files, web_util.py of 7.14.3: an anchor as any other. */
function trusting(client: LegEnd, { presented }: LegEnd, facts: LegFacts): LegEnd {
  const { trust } = client;
  if (trust === undefined) return client;
  return {
    ...client,
    trust: { ...trust, certificates: [...trust.certificates, ...storedAtVerifier(facts, presented)] },
  };
}

function isTrustEmpty({ keylime: { verifier }, scope }: LegFacts): boolean {
  return verifier.known && trustsNobody({ scope }, verifier.value);
}

/** An environment variable has no position either, and is no default. */
function isUnsaidDefault({ reader, isDefault, at }: FileUse, { scope }: LegFacts): boolean {
  return reader === "keylime-agent" && isDefault && isUnsaid(scope, at);
}

function stackOf(reader: ReaderId, { spireServer, spireAgent, keylime }: LegFacts): StackId {
  if (reader === "keylime-agent") return "keylime-agent";
  if (reader !== "server-plugin" && reader !== "agent-plugin") return pythonOf(keylime[reader]);
  const conf = reader === "server-plugin" ? spireServer : spireAgent;
  const plugin = conf.known && conf.value.is === "parsed" ? conf.value.plugin : undefined;
  if (plugin === undefined || plugin.kind === "ours") return "node";
  const isUnverified = plugin.data.known && plugin.data.value.server?.verifiesServer === false;
  return isUnverified ? "go-unverified" : "go";
}

/** Where the version does not show it is taken for an older one: the distributions that package Keylime have those. */
function pythonOf(service: Facts["keylime"]["verifier"]): StackId {
  const python = service.known ? service.value.python : undefined;
  if (python === undefined || !python.known) return "python";
  const { major, minor } = python.value;
  return major > 3 || (major === 3 && minor >= 13) ? "python-3.13" : "python";
}

function trustOf(parts: Trust["parts"]): Trust {
  return { parts, certificates: parts.flatMap(({ file }) => located(file)) };
}

function presentedOf(
  { use, file }: { use: FileUse; file: FileFacts },
  { stack, trust, nowMs }: { stack: StackId; trust: Trust | undefined; nowMs: number },
): Presented {
  const own = located(file);
  const known = [...own, ...(trust?.certificates ?? [])];
  const sent = stacks[stack].sends({
    file: own.map(x509Of),
    trusted: (trust?.certificates ?? []).map(x509Of),
    nowMs,
  });
  return { own: { use, file }, seenAt: undefined, sent: relocated(sent, known) };
}

function relocated(
  certificates: readonly X509Certificate[],
  known: readonly LocatedCertificate[],
): LocatedCertificate[] {
  return certificates.flatMap((each) => known.find((one) => x509Of(one).raw.equals(each.raw)) ?? []);
}

function verdictOf(leg: Leg, side: Side, nowMs: number): SideVerdict {
  const { judge, presenter } = endsOf(leg, side);
  const missing = whatIsMissing(judge, presenter);
  if (missing !== undefined) return { is: "unknown", reason: missing };
  const question = { purpose: presenter === leg.client ? "client" : "server", nowMs } as const;
  return judgeWith(judge, presenter.presented!.sent, judge.trust?.certificates ?? [], question);
}

function whatIsMissing(judge: LegEnd, presenter: LegEnd): string | undefined {
  const isBlind = judge.stack === "go-unverified";
  if (presenter.presented === undefined) return "what is presented is not configured here";
  if (presenter.presented.sent.length === 0)
    return `no certificate could be read from ${presenter.presented.own?.file.path ?? presenter.presented.seenAt}`;
  if (judge.trust === undefined) return isBlind ? undefined : "what is trusted is not configured here";
  const unread = judge.trust.parts.find(({ file }) => !file.content.known);
  return unread === undefined || isBlind ? undefined : `the trust file ${unread.file.path} could not be read`;
}

/** Judges a chain as an end would; `trusted` need not be what the end trusts, `besides` is what it were sent in addition. */
export function judgeWith(
  { stack }: Pick<LegEnd, "stack">,
  sent: readonly LocatedCertificate[],
  trusted: readonly LocatedCertificate[],
  question: { purpose: "client" | "server"; nowMs: number },
  besides: readonly LocatedCertificate[] = [],
): SideVerdict {
  const all = [...sent, ...trusted, ...besides];
  try {
    const verdict = stacks[stack].judge({
      ...question,
      chain: sent.map(x509Of),
      anchors: trusted.map(x509Of),
      untrusted: besides.map(x509Of),
    });
    return placed(verdict, all);
  } catch (error) {
    return { is: "unknown", reason: errorText(error) };
  }
}

function placed(verdict: StackVerdict, known: readonly LocatedCertificate[]): SideVerdict {
  if (verdict.ok) return { is: "accepts", path: relocated(verdict.path, known), isVerified: verdict.isVerified };
  const { error, depth, alert, certificate } = verdict;
  const [at] = certificate === undefined ? [] : relocated([certificate], known);
  return { is: "refuses", error, depth, alert, certificate: at };
}
