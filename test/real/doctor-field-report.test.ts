import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { DoctorReport } from "../../src/doctor/report-schema.js";
import { reportedData, serverConf, spireConf, verifierConf } from "../scenarios/support/set-ups.js";
import { describeWithPeers } from "./support/peers.js";
import { type ReportMachine, startReportMachine } from "./support/report-machine.js";

const idsOf = (findings: DoctorReport["findings"]) => findings.map(({ id }) => id);
const placesOf = (evidence: DoctorReport["findings"][number]["evidence"]) =>
  evidence.map(({ text, file, line }) => `${text} (${file}:${line})`).join("\n");
const verdictsOf = ({ hypotheses, questions }: DoctorReport) =>
  Object.fromEntries([...hypotheses, ...questions].map(({ id, verdict }) => [id, verdict]));

const comment = '#trusted_client_ca = ["ca.crt"]  # Currently commented out';

describeWithPeers(["keylime_verifier", "keylime_registrar"], "the report's set-up, live (Keylime 7.14.3)", () => {
  let machine: ReportMachine;
  beforeAll(async () => {
    const [option = "", value = ""] = comment.split(" = ");
    machine = await startReportMachine({ keylime: { trustedClientCa: null, verifierOptions: { [option]: value } } });
  });
  afterAll(() => machine?.[Symbol.asyncDispose]());

  const edit = (change: (text: string) => string): void => {
    const file = machine.file(verifierConf);
    writeFileSync(file, change(readFileSync(file, "utf8")));
  };

  it("has its causes in their order, with both keys, the certificate that goes out instead, and the empty trust", async () => {
    const report = await machine.examine();
    expect(idsOf(report.causes)).toEqual(["plugin-unknown-key", "verifier-trust-empty"]);
    const [unknownKey, trustEmpty] = report.causes.map(({ evidence }) => placesOf(evidence));
    for (const words of [
      `did you mean keylime_tls_cert_file? (${serverConf}:13)`,
      `did you mean keylime_tls_key_file? (${serverConf}:14)`,
      "/var/lib/keylime/cv_ca/server-cert.crt, which is OU=53, O=Keylime",
      "CN=Keylime Certificate Authority",
    ]) {
      expect(unknownKey).toContain(words);
    }
    const { ports } = machine.keylime;
    for (const words of [
      `${comment} (${machine.file(verifierConf)}:`,
      `127.0.0.1:${ports.verifier} with /var/lib/keylime/cv_ca/server-cert.crt: alert 48 unknown_ca`,
      `127.0.0.1:${ports.verifier} with no certificate: HTTP 403`,
    ]) {
      expect(trustEmpty).toContain(words);
    }
    expect(report.contradictions).toEqual([]);
    expect(verdictsOf(report)).toEqual({
      "plugin-cannot-present": "refuted",
      "certificate-lacks-attribute": "refuted",
      "verifier-refuses-every-certificate": "confirmed",
      "plugin-ca-file-wrong": "refuted",
      "certificate-not-trusted": "confirmed",
      "plugin-takes-client-certificate": "confirmed",
      "verifier-requires-client-certificate": "confirmed",
      "enable-agent-mtls-turns-client-certificates-off": "refuted",
    });
  });

  it("has the same causes offline", async () => {
    const report = await machine.examine({ offline: true });
    expect(idsOf(report.causes)).toEqual(["plugin-unknown-key", "verifier-trust-empty"]);
  });

  it("is told by its section as printed, [general], offline; live the verifier that runs contradicts it", async () => {
    edit((text) => text.replace("[verifier]", "[general]"));
    const offline = await machine.examine({ offline: true });
    expect(idsOf(offline.causes)).toEqual(["verifier-wrong-section", "plugin-unknown-key"]);

    const live = await machine.examine();
    expect(idsOf(live.causes)).toEqual(["plugin-unknown-key"]);
    expect(idsOf(live.findings)).toContain("verifier-wrong-section");
    const [{ says, seen, proves } = {}, ...more] = live.contradictions;
    expect({ more, proves }).toEqual({ more: [], proves: "verifier-config-drift" });
    expect(says?.text).toBe("there is no section [verifier]");
    expect(seen?.text).toContain(`127.0.0.1:${machine.keylime.ports.verifier} with `);
    edit((text) => text.replace("[general]", "[verifier]"));
  });

  it("is mended by what --fix changes once both services have been restarted, and not before", async () => {
    await machine.mend();
    const before = await machine.examine();
    expect(idsOf(before.causes)).toEqual(["verifier-config-drift"]);
    expect(before.contradictions).toMatchObject([{ id: "certificate-refused-against-the-file" }]);

    await machine.keylime.restartVerifier();
    const after = await machine.examine();
    expect({ causes: idsOf(after.causes), contradictions: after.contradictions }).toEqual({
      causes: [],
      contradictions: [],
    });
  });

  it("has the report's own contradiction when the list is commented out under a verifier that runs", async () => {
    const data = reportedData.map((line) => line.replace("8881", String(machine.keylime.ports.verifier)));
    writeFileSync(machine.file(serverConf), spireConf("server", { data }));
    edit((text) => text.replace(/^trusted_client_ca.*$/m, comment));
    const report = await machine.examine();
    expect(idsOf(report.causes)).toEqual(["plugin-unknown-key"]);
    expect(report.contradictions).toMatchObject([
      { id: "certificate-taken-against-the-file", says: { text: comment }, proves: "verifier-config-drift" },
    ]);
    expect(report.contradictions[0]?.seen.text).toMatch(/ with \/etc\/keylime\/certs\/verifier.crt: HTTP 404 /);
    expect(verdictsOf(report)).toMatchObject({
      "verifier-refuses-every-certificate": "refuted",
      "certificate-not-trusted": "confirmed",
    });
  });
});
