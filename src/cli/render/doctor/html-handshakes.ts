import type { EndpointFacts, TlsConnectionFacts } from "../../../doctor/facts/endpoints/endpoint-facts.js";
import { type ChainDrawing, chainDrawing, type DrawnCertificate } from "../html/chain-drawing.js";
import { ladder } from "../html/ladder.js";
import { type Markup, markup } from "../html/markup.js";
import { bytesText } from "../ladder.js";

const tones = { accepted: "good", refused: "bad", unknown: "note" } as const;

const labels = {
  configured: "presenting what the plugin presents, ",
  "go-default": "presenting the Go plugin's default, ",
  verifier: "presenting the verifier's, ",
  tenant: "presenting the tenant's, ",
  candidate: "presenting ",
} as const;

/** Every TLS connection that was made to an endpoint, with its chains and its ladder. */
export function endpointPanel(endpoint: EndpointFacts): Markup {
  const { role, host, port, namedBy, tcp, connections } = endpoint;
  const notConnected = tcp.filter(({ outcome }) => outcome !== "connected");
  return markup`<article class="panel"><h3>${role} at ${host.includes(":") ? `[${host}]` : host}:${port}</h3><p class="quiet">${namedBy.text}, ${[namedBy.at.file, namedBy.at.line].filter((each) => each !== undefined).join(":")}</p>
${notConnected.map(({ address, outcome, detail }) => markup`<p class="bad">${address}: ${outcome} (${detail})</p>`)}
${connections.map(handshake)}</article>
`;
}

function handshake({ presented, probed }: TlsConnectionFacts): Markup {
  const { outcome, evidence, alert, version, cipher_suite: suite, http, withheld } = probed;
  const what = presented === undefined ? "without a certificate" : `${labels[presented.label]}${presented.name}`;
  const isOpen = outcome === "refused" && presented?.label === "configured";
  const negotiated = [version, suite].filter((each) => each !== null).join(", ");
  return markup`<details${isOpen && markup` open`}><summary><h4>${what}: <span class="${tones[outcome]}">${outcome}</span></h4>${http !== null && markup` <span class="quiet">GET ${http.path}: ${http.status}</span>`}</summary>
<p>${evidence}</p>
${alert !== null && markup`<p class="bad">Alert ${alert.name} (${alert.number}) from the ${alert.from}, after the client's ${alert.after}: it ${alert.meaning}</p>`}
${withheld !== null && markup`<p class="note">The certificate was not sent: ${withheld}</p>`}
<p class="quiet">${negotiated}</p>
<div class="beside"><div>${sentChain("The client sent", probed.client_certificates)}${sentChain("The server sent", probed.server_certificates)}</div>
<div>${ladder(probed.messages.map((message) => ladderStep(message, outcome !== "accepted")))}</div></div></details>
`;
}

type ProbedMessage = TlsConnectionFacts["probed"]["messages"][number];

function ladderStep(
  { from, name, bytes, at_ms }: ProbedMessage,
  hasFailed: boolean,
): Parameters<typeof ladder>[0][number] {
  const isAlert = /^alert\b/i.test(name);
  return {
    from,
    name,
    details: [`${at_ms.toFixed(1)} ms`, bytesText(bytes)],
    isFailing: hasFailed && isAlert && !/close_notify/.test(name),
  };
}

type SentCertificate = TlsConnectionFacts["probed"]["server_certificates"][number];

function sentChain(who: string, certificates: readonly SentCertificate[]): Markup {
  if (certificates.length === 0) return markup`<p class="quiet">${who} no certificate.</p>`;
  const told = `${who} ${certificates.map(({ subject }) => subject).join(", issued by ")}`;
  return markup`<figure><figcaption class="quiet">${who}</figcaption>${chainDrawing({ told, certificates: drawnChain(certificates) })}</figure>`;
}

/** What was sent, and above it who issued the last of it, when that is not itself. */
function drawnChain(certificates: readonly SentCertificate[]): ChainDrawing["certificates"] {
  const sent: DrawnCertificate[] = certificates.map((certificate) => ({
    name: certificate.subject === "" ? "no certificate" : certificate.subject,
    detail: certificateDetail(certificate),
  }));
  const { subject, issuer } = certificates.at(-1)!;
  return subject === issuer
    ? sent
    : [...sent, { name: issuer, detail: "not sent; the other side has to know it", isMissing: true }];
}

function certificateDetail({ not_after: until, eku }: SentCertificate): string {
  return [
    ...(until === null ? [] : [`until ${until.slice(0, 16).replace("T", " ")}`]),
    eku === null ? "any usage" : eku.join(", "),
  ].join("; ");
}
