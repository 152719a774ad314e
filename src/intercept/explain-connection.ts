import type { HandshakeStory } from "../peers/tls-server/story.js";
import { alertNumbers } from "../tls/alert.js";
import { clientVersions } from "../tls/messages/client-hello.js";
import { protocolVersions, tls12, tls13 } from "../tls/tables/protocol.js";
import type { ConnectionView, Finding } from "./finding.js";
import type { SeenConnection } from "./interceptor.js";
import { judgePresented } from "./judge-presented.js";

/** What an operator should know of a connection before anything else; undefined when all is as it should be. */
export function explainConnection({ story, exchange }: SeenConnection, view: ConnectionView): Finding | undefined {
  if (story.outcome !== "completed") return explainDeparture(story);
  const { clientCertificates: presented = [] } = story;
  if (presented.length === 0) return explainAbsence(view);
  return judgePresented(presented, view) ?? (exchange?.hasData === false ? leftWithoutRequest : undefined);
}

/** Nothing but the request's own limits keeps a client from presenting what it has. */
function explainAbsence({ requestedNames: names }: ConnectionView): Finding {
  const id = "client-cert-not-sent";
  if (names.length > 0) {
    return {
      id,
      message: `the client sent no certificate; it was asked for one issued by ${names.join(" or ")}, and clients such as Go and Java send none that no named CA issued`,
      hint: "see what it has with a request that names no CA: leave out --ca-names",
    };
  }
  return {
    id,
    message:
      "the client sent no certificate although any would do (no CA was named, every usual kind of key is taken): it has none configured, or did not load it",
    hint: "look at the settings the client reads its certificate and key from; for the plugin keylime_tls_cert_file and keylime_tls_key_file",
  };
}

const aboutOurCertificate: readonly number[] = [
  alertNumbers.badCertificate,
  alertNumbers.unsupportedCertificate,
  alertNumbers.certificateExpired,
  alertNumbers.certificateUnknown,
  alertNumbers.unknownCa,
];

const trustHint =
  "give --cert and --key that the client trusts for the name it uses: its own certificate cannot be seen before it does";

/** Node.js finishes its handshake before it looks at the server's certificate, and then sends no alert. */
const leftWithoutRequest: Finding = {
  id: "intercept-not-trusted",
  message:
    "the client finished the handshake and left without a request; Node.js does that when it does not trust this stand-in's certificate",
  hint: "give --cert and --key that the client trusts for the name it uses, to see its request too",
};

/** Why a handshake did not come to its end. */
function explainDeparture(story: HandshakeStory): Finding {
  const { alert, clientHello, failure } = story;
  if (clientHello === undefined) return explainNoHello(failure);
  const offered = offeredVersions(story);
  if (offered !== undefined && !offered.includes(tls13) && !offered.includes(tls12)) {
    const names = offered.map((version) => protocolVersions.name(version)).join(", ") || "no version";
    const message = `the client offers ${names} only; this stand-in speaks TLS 1.3 and 1.2`;
    return { id: "tls-no-common-parameters", message, hint: "let the client offer TLS 1.2 while it is being watched" };
  }
  if (alert?.from === "client" && aboutOurCertificate.includes(alert.number)) {
    const message = `the client does not trust this stand-in's certificate: it sent ${alert.name} (${alert.number})`;
    return { id: "intercept-not-trusted", message, hint: trustHint };
  }
  if (alert === undefined && leftAtOurCertificate(story)) {
    const message = `the client hung up when it had seen this stand-in's certificate, which it probably does not trust (${failure})`;
    return { id: "intercept-not-trusted", message, hint: trustHint };
  }
  const isNegotiating = story.clientCertificates === undefined;
  if (isNegotiating && alert?.from === "server" && alert.number === alertNumbers.handshakeFailure) {
    const message = failure ?? "nothing in common";
    return { id: "tls-no-common-parameters", message, hint: "does the client's key and cipher setting fit --cert?" };
  }
  return { id: "intercept-unfinished", message: failure ?? "the handshake was not finished", hint: null };
}

function explainNoHello(failure: string | undefined): Finding {
  const hint = "does the client speak TLS to this port, and not plain HTTP?";
  return { id: "intercept-no-handshake", message: `no ClientHello came: ${failure}`, hint };
}

/** The server's flight ends with Finished in TLS 1.3, with ServerHelloDone in 1.2. */
function leftAtOurCertificate({ messages }: HandshakeStory): boolean {
  const isShown = messages.some(
    ({ from, name }) => from === "server" && (name === "finished" || name === "server_hello_done"),
  );
  return isShown && !messages.some(({ from, name }) => from === "client" && name !== "client_hello");
}

function offeredVersions({ clientHello }: HandshakeStory): number[] | undefined {
  try {
    return clientHello && clientVersions(clientHello);
  } catch {
    return undefined;
  }
}
