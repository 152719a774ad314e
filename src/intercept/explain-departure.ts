import type { HandshakeStory } from "../peers/tls-server/story.js";
import { alertNumbers } from "../tls/alert.js";
import { clientVersions } from "../tls/messages/client-hello.js";
import { protocolVersions, tls13 } from "../tls/tables/protocol.js";

export interface Departure {
  id: string;
  message: string;
  hint: string | null;
}

const aboutOurCertificate: readonly number[] = [
  alertNumbers.badCertificate,
  alertNumbers.unsupportedCertificate,
  alertNumbers.certificateExpired,
  alertNumbers.certificateUnknown,
  alertNumbers.unknownCa,
];

const trustHint =
  "give --cert and --key that the client trusts for the name it uses: the certificate cannot be seen before it does";

/** Why a handshake did not come to its end; undefined when it did. */
export function explainDeparture(story: HandshakeStory): Departure | undefined {
  if (story.outcome === "completed") return undefined;
  const offered = offeredVersions(story);
  if (offered !== undefined && !offered.includes(tls13)) {
    const names = offered.map((version) => protocolVersions.name(version)).join(", ");
    const message = `the client offers ${names} only; this stand-in speaks TLS 1.3`;
    return { id: "tls-no-common-parameters", message, hint: "let the client offer TLS 1.3 while it is being watched" };
  }
  const { alert, messages } = story;
  if (alert?.from === "client" && aboutOurCertificate.includes(alert.number)) {
    const message = `the client does not trust this stand-in's certificate: it sent ${alert.name} (${alert.number})`;
    return { id: "intercept-not-trusted", message, hint: trustHint };
  }
  const sawCertificate = messages.some(({ from, name }) => from === "server" && name === "finished");
  const answered = messages.some(({ from, name }) => from === "client" && name !== "client_hello");
  if (alert === undefined && sawCertificate && !answered) {
    const message = `the client hung up when it had seen this stand-in's certificate, which it probably does not trust (${story.failure})`;
    return { id: "intercept-not-trusted", message, hint: trustHint };
  }
  if (story.clientHello === undefined) {
    const message = `no ClientHello came: ${story.failure}`;
    return {
      id: "intercept-no-handshake",
      message,
      hint: "does the client speak TLS to this port, and not plain HTTP?",
    };
  }
  return { id: "intercept-unfinished", message: story.failure ?? "the handshake was not finished", hint: null };
}

function offeredVersions({ clientHello }: HandshakeStory): number[] | undefined {
  try {
    return clientHello && clientVersions(clientHello);
  } catch {
    return undefined;
  }
}
