import { timingSafeEqual } from "node:crypto";
import type { HandshakeMessage } from "../../tls/handshake-reader.js";
import { applicationSecrets, finishedVerifyData } from "../../tls/key-schedule.js";
import { writeCertificate13 } from "../../tls/messages/certificate.js";
import { certificateVerifyContent, writeCertificateVerify } from "../../tls/messages/certificate-verify.js";
import { RecordProtection } from "../../tls/record-protection.js";
import { signAs } from "../../tls/signature-choice.js";
import { type State, violation } from "../handshake/handshake-context.js";
import { handshakeTypes } from "../handshake/wire-versions.js";
import { choosePresentation } from "../presentation.js";
import type { Tls13 } from "./tls13.js";

const { values: types } = handshakeTypes;

/** The server's last message; our whole flight answers it (RFC 8446 section 4.4). */
export class AwaitFinished13 implements State {
  readonly expects = [types.finished];
  readonly #tls: Tls13;
  constructor(tls: Tls13) {
    this.#tls = tls;
  }

  receive({ body, raw }: HandshakeMessage): "established" {
    const { context, suite, secrets } = this.#tls;
    const expected = finishedVerifyData(suite, secrets.serverTraffic, context.transcript.hash(suite));
    if (body.length !== expected.length || !timingSafeEqual(body, expected)) {
      throw violation("Finished", "it does not fit the handshake: something between the two changes messages");
    }
    context.add(raw);
    const application = applicationSecrets(suite, secrets.handshakeSecret, context.transcript.hash(suite));
    context.records.sendChangeCipherSpec();
    context.records.writing = new RecordProtection(suite, secrets.clientTraffic);
    this.#sendCertificate();
    const { clientTraffic } = secrets;
    context.send(types.finished, finishedVerifyData(suite, clientTraffic, context.transcript.hash(suite)));
    context.records.writing = new RecordProtection(suite, application.clientTraffic);
    context.records.reading = new RecordProtection(suite, application.serverTraffic);
    return "established";
  }

  #sendCertificate(): void {
    const { context, suite } = this.#tls;
    const { request } = context.story;
    if (request === undefined) return;
    const presentation = choosePresentation(context, "1.3", request.signatureAlgorithms);
    const entries = (presentation?.chain ?? []).map((certificate) => ({ certificate, extensions: [] }));
    context.send(types.certificate, writeCertificate13({ context: request.context, entries }));
    if (presentation === undefined) return;
    const { scheme, key } = presentation;
    const signature = signAs(scheme, key, certificateVerifyContent("client", context.transcript.hash(suite)));
    context.send(types.certificate_verify, writeCertificateVerify({ scheme, signature }));
  }
}
