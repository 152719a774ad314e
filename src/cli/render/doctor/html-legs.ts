import { readerName } from "../../../doctor/checks/files/file-words.js";
import type { FileCertificate } from "../../../doctor/facts/files/file-facts.js";
import { endsOf, type Leg, type LegEnd, type LocatedCertificate, type Side } from "../../../doctor/legs/leg.js";
import { chainDrawing, type DrawnCertificate } from "../html/chain-drawing.js";
import { type Markup, markup } from "../html/markup.js";

/** One TLS connection of the set-up as the files say it: what each end presents, and what the other makes of it. */
export function legPanel(leg: Leg): Markup {
  return markup`<article class="panel"><h3>${readerName(leg.client.reader)} to ${readerName(leg.server.reader)}</h3>
<div class="legs">${(["server", "client"] as const).map((side) => sidePart(leg, side))}</div></article>
`;
}

/** What the judging end makes of the other end's chain. */
function sidePart(leg: Leg, side: Side): Markup {
  const { judge, presenter } = endsOf(leg, side);
  return markup`<div><p>${verdictWords(leg, side)}</p>${drawing(leg, side, presenter)}${trustWords(judge)}</div>`;
}

function verdictWords(leg: Leg, side: Side): Markup {
  const { judge, presenter } = endsOf(leg, side);
  const verdict = leg.verdicts[side];
  const subject = `${readerName(judge.reader)} (${judge.stack})`;
  const object = readerName(presenter.reader);
  if (verdict.is === "unknown")
    return markup`<strong class="note">unknown</strong> whether ${subject} accepts ${object}: ${verdict.reason}`;
  if (verdict.is === "accepts") {
    const without = verdict.isVerified ? "" : " without looking at its certificate";
    return markup`<strong class="good">accepts</strong>: ${subject} accepts ${object}${without}`;
  }
  const alert = verdict.alert === undefined ? "" : `, alert ${verdict.alert}`;
  return markup`<strong class="bad">refuses</strong>: ${subject} refuses ${object}: ${verdict.error.text} (certificate ${verdict.depth + 1}${alert})`;
}

/** The chain as it is sent, and above it the anchor that it ends in, or the issuer that the trust file lacks. */
function drawing(leg: Leg, side: Side, { presented }: LegEnd): Markup | undefined {
  if (presented === undefined || presented.sent.length === 0) return undefined;
  const verdict = leg.verdicts[side];
  const path = verdict.is === "accepts" && verdict.path.length > 0 ? verdict.path : undefined;
  const sent = presented.sent.map((each) => drawn(each));
  const { subject, issuer } = presented.sent.at(-1)!.certificate.facts;
  const above: DrawnCertificate[] =
    path !== undefined
      ? path.filter((each) => !presented.sent.some((own) => isSame(own, each))).map((each) => drawn(each))
      : subject === issuer
        ? []
        : [
            {
              name: issuer,
              detail: verdict.is === "refuses" ? "neither sent nor trusted" : "not sent",
              isMissing: true,
            },
          ];
  const certificates = [...sent, ...above];
  return chainDrawing({ told: certificates.map(({ name }) => name).join(", issued by "), certificates });
}

function isSame(a: LocatedCertificate, b: LocatedCertificate): boolean {
  return a.certificate.facts.sha256 === b.certificate.facts.sha256;
}

function drawn({ certificate, path }: LocatedCertificate): DrawnCertificate {
  return { name: certificate.facts.subject, detail: `${until(certificate)}; ${path}` };
}

function until({ facts: { notAfterMs } }: FileCertificate): string {
  return Number.isNaN(notAfterMs)
    ? "no date"
    : `until ${new Date(notAfterMs).toISOString().slice(0, 16).replace("T", " ")}`;
}

function trustWords({ trust, reader }: LegEnd): Markup {
  if (trust === undefined) return markup`<p class="quiet">No file here says what ${readerName(reader)} trusts.</p>`;
  if (trust.parts.length === 0)
    return markup`<p class="quiet">The configuration of ${readerName(reader)} names no CA that it trusts here.</p>`;
  const files = trust.parts.map(({ use }) => use.path).join(", ");
  const names = trust.certificates.map(({ certificate }) => certificate.facts.subject);
  return markup`<p class="quiet">Trusted by ${readerName(reader)}: ${files}: ${names.length === 0 ? "nothing readable" : names.join("; ")}</p>`;
}
