import type { HandshakeStory } from "../../peers/tls-server/story.js";
import { certificateFacts } from "../../x509/certificate.js";
import type { Tell, WireMessage } from "../report-schema.js";

/** Tells handshakes as they went over the wire; what decides the story is marked. */
export function tellHandshakes(stories: readonly HandshakeStory[], leg: string, tell: Tell): void {
  for (const story of stories) tell({ type: "handshake", leg, messages: wireMessages(story) });
}

/** Serial of the certificate a client presented, lower-case hex. */
export function presentedSerial(story: HandshakeStory | undefined): string | undefined {
  const leaf = story?.clientCertificates?.[0];
  return leaf && certificateFacts(leaf).serial;
}

function wireMessages(story: HandshakeStory): WireMessage[] {
  const messages = story.messages.map(({ from, name }): WireMessage => {
    if (from === "client" && name === "certificate") return presented(story);
    if (from === "server" && name === "certificate_request") {
      return { from, name, detail: "asks for a client certificate, names no CA" };
    }
    return { from, name };
  });
  const { alert } = story;
  if (alert === undefined) return messages;
  return [...messages, { from: alert.from, name: "alert", detail: `${alert.name} (${alert.number})`, decisive: true }];
}

function presented({ clientCertificates = [] }: HandshakeStory): WireMessage {
  const certificates = clientCertificates.map((certificate) => {
    const { subject, issuer, serial, sha256 } = certificateFacts(certificate);
    return { subject, issuer, serial, sha256 };
  });
  return { from: "client", name: "certificate", certificates, decisive: true };
}
