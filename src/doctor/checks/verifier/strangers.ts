import { basename } from "node:path";
import type { Facts } from "../../facts/facts.js";
import type { FileUse } from "../../facts/files/file-facts.js";
import type { KeylimeServiceFacts } from "../../facts/keylime/keylime-facts.js";
import { allowsUsage } from "../../legs/blame.js";
import type { LocatedCertificate } from "../../legs/leg.js";
import { judgeWith } from "../../legs/legs-of.js";
import { located, x509Of } from "../../legs/located.js";

/** A certificate at hand that is none of Keylime's own, and that the verifier takes for one of an admin. */
export interface Stranger extends LocatedCertificate {
  /** Whose it is, where a configuration says so. */
  use: FileUse | undefined;
}

/** Who has to be an admin: Keylime's services, its tenant, and SPIRE's server. */
const admins: ReadonlySet<FileUse["reader"]> = new Set(["verifier", "registrar", "tenant", "server-plugin"]);

/** The certificates at hand with which others than Keylime's own clients pass the verifier's trusted_client_ca. */
export function strangersOf(facts: Facts, service: KeylimeServiceFacts, nowMs: number): Stranger[] {
  const trusted = service.trusted.map(({ file: path, certificate }) => ({ certificate, path }));
  const files = chainsAtHand(facts, service);
  const own = [trusted, ...files.filter(isOwn).map(({ chain }) => chain)].flat();
  const isKnown = ({ certificate: { facts: one } }: LocatedCertificate): boolean =>
    own.some(({ certificate: { facts: known } }) => known.sha256 === one.sha256 || known.subject === one.subject);
  const besides = files.flatMap(({ chain }) => chain).filter(({ certificate }) => certificate.facts.isCa);
  const passes = (chain: readonly LocatedCertificate[]): boolean =>
    judgeWith({ stack: "python" }, chain, trusted, { purpose: "client", nowMs }, besides).is === "accepts";
  const strangers = files.flatMap(({ chain, use }): Stranger[] => {
    const [first] = chain;
    if (first === undefined || isKnown(first)) return [];
    const isLetIn = first.certificate.facts.isCa ? letsIn(first, trusted, nowMs) : passes(chain);
    return isLetIn ? [{ ...first, use }] : [];
  });
  return distinct(strangers);
}

/** What a CA issues to clients passes when a trusted one has issued it in its turn. */
function letsIn(ca: LocatedCertificate, trusted: readonly LocatedCertificate[], nowMs: number): boolean {
  const { isSelfIssued, notBeforeMs, notAfterMs } = ca.certificate.facts;
  if (isSelfIssued || nowMs < notBeforeMs || nowMs > notAfterMs || !allowsUsage(ca, "clientAuth")) return false;
  return trusted.map(x509Of).some((one) => x509Of(ca).checkIssued(one) && x509Of(ca).verify(one.publicKey));
}

interface ChainAtHand {
  chain: readonly LocatedCertificate[];
  use: FileUse | undefined;
}

/** What the configurations name, and what lies beside the verifier's own certificates. */
function chainsAtHand({ files }: Facts, { unnamed }: KeylimeServiceFacts): ChainAtHand[] {
  const named = files.flatMap((file): ChainAtHand[] => {
    const uses = file.uses.filter(({ role }) => role === "certificate");
    const use = uses.find(({ reader }) => admins.has(reader)) ?? uses[0];
    return use === undefined ? [] : [{ chain: located(file), use }];
  });
  const beside = [...new Set(unnamed.map(({ file }) => file))].map((path) => ({
    chain: unnamed.filter(({ file }) => file === path).map(({ certificate }) => ({ certificate, path })),
    use: undefined,
  }));
  return [...named, ...beside];
}

/** The tenant, the registrar and SPIRE may well be configured on another host than their certificates lie on. */
function isOwn({ use, chain: [leaf] }: ChainAtHand): boolean {
  if (use !== undefined && admins.has(use.reader)) return true;
  if (leaf === undefined) return false;
  const name = `${basename(leaf.path)} ${/(?:^|, )CN=([^,]*)/.exec(leaf.certificate.facts.subject)?.[1] ?? ""}`;
  return /\b(verifier|registrar|tenant|spire-server)\b/i.test(name);
}

function distinct(strangers: readonly Stranger[]): Stranger[] {
  const prints = strangers.map(({ certificate }) => certificate.facts.sha256);
  return strangers.filter((_, index) => prints.indexOf(prints[index]!) === index);
}
