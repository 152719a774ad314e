import { type Candidate, candidate } from "../../../x509/trust/candidate.js";
import { breachedConstraint } from "../../../x509/trust/name-constraints.js";
import type { Refusal } from "../../legs/blame.js";
import type { LocatedCertificate } from "../../legs/leg.js";
import { x509Of } from "../../legs/located.js";
import { certificateEvidence, isEndpoint } from "./certificate-words.js";
import type { Told } from "./leg-faults.js";

/** A CA that signed below it a name which its own name constraints (RFC 5280 section 4.2.1.10) exclude. */
interface Breach {
  ca: LocatedCertificate;
  below: LocatedCertificate;
}

/** What to tell of a refusal for name constraints; undefined where all names are within them. */
export function tellNames(refusal: Refusal): Told | undefined {
  const breach = breachOf(refusal);
  if (breach === undefined) return undefined;
  const [ca, below] = [breach.ca.certificate.facts.subject, breach.below.certificate.facts.subject];
  const why = `its name constraints exclude a name of ${below}`;
  return {
    because: `${ca} may not sign what it signed: ${why}`,
    evidence: [certificateEvidence(breach.ca.certificate, breach.ca.path, why)],
    fix: {
      action: `issue ${below} with names that the name constraints of ${ca} allow, or below a CA without that limit`,
      commands: [...new Set([breach.ca.path, breach.below.path])].filter((path) => !isEndpoint(path)).map(showCommand),
    },
  };
}

/** Of every certificate in the file; `openssl x509` looks at the first only. */
const showCommand = (path: string): string =>
  `openssl crl2pkcs7 -nocrl -certfile ${path} | openssl pkcs7 -print_certs -text -noout | grep -A 2 -E 'Subject:|Alternative Name|Name Constraints'`;

function breachOf({ presenter, judge }: Refusal): Breach | undefined {
  const path = issuersOf(presenter.presented!.sent, judge.trust!.certificates);
  const judged = path.map((each) => ({ each, parsed: candidate(x509Of(each)) }));
  for (const [depth, below] of judged.entries()) {
    const above = judged.slice(depth + 1).find((ca) => isBreached(below.parsed, ca.parsed, depth));
    if (above !== undefined) return { ca: above.each, below: below.each };
  }
  return undefined;
}

const isBreached = (below: Candidate, ca: Candidate, depth: number): boolean =>
  breachedConstraint(below, ca, depth === 0) !== undefined;

/** The leaf and the CAs above it, by their names. */
function issuersOf(
  [leaf, ...sent]: readonly LocatedCertificate[],
  trusted: readonly LocatedCertificate[],
): LocatedCertificate[] {
  const path = [leaf!];
  for (;;) {
    const { issuer } = path.at(-1)!.certificate.facts;
    const next = [...sent, ...trusted].find(({ certificate }) => certificate.facts.subject === issuer);
    if (
      next === undefined ||
      path.some(({ certificate }) => certificate.facts.sha256 === next.certificate.facts.sha256)
    )
      return path;
    path.push(next);
  }
}
