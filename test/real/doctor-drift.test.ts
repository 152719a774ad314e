import { copyFileSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DoctorReport } from "../../src/doctor/report-schema.js";
import type { IssuedCertificate } from "../../src/peers/pki/authority.js";
import type { FieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { mendedData, verifierConf } from "../scenarios/support/set-ups.js";
import { until } from "../support/until.js";
import { httpsRequest } from "./support/https-request.js";
import { describeWithPeers } from "./support/peers.js";
import { type ReportMachine, startReportMachine } from "./support/report-machine.js";

const certs = "/etc/keylime/certs";
const told = ({ causes, findings, contradictions }: DoctorReport) => ({
  causes: causes.map(({ id }) => id),
  others: findings.filter(({ stops_attestation: stops }) => !stops).map(({ id }) => id),
  contradictions: contradictions.map(({ id, proves }) => `${id}: ${proves}`),
});
const well = { causes: [], others: [], contradictions: [] };

const service = (pki: FieldReportPki, commonName: string) =>
  pki.issue({
    commonName,
    eku: ["serverAuth", "clientAuth"],
    dnsNames: ["localhost"],
    ipAddresses: ["127.0.0.1"],
  });

describeWithPeers(["keylime_verifier", "keylime_registrar"], "a verifier and its files (Keylime 7.14.3)", () => {
  describe("started with the file that is examined", () => {
    let machine: ReportMachine;
    beforeAll(async () => {
      machine = await startReportMachine({ serverData: mendedData });
    });
    afterAll(() => machine?.[Symbol.asyncDispose]());

    it("do not contradict each other", async () => {
      expect(told(await machine.examine())).toEqual(well);
    });

    it("do when another certificate was written into its file, until the restart", async () => {
      const { chainPem, keyPem } = await service(machine.pki, "verifier.keylime.funlab.casa");
      writeFileSync(machine.file(`${certs}/verifier.crt`), chainPem);
      writeFileSync(machine.file(`${certs}/verifier.key`), keyPem);
      expect(told(await machine.examine())).toEqual({
        causes: [],
        others: ["verifier-config-drift"],
        contradictions: ["server-certificate-differs: verifier-config-drift"],
      });
      await machine.keylime.restartVerifier();
      expect(told(await machine.examine())).toEqual(well);
    });

    it("do when the CAs in its trust file were exchanged", async () => {
      const file = machine.file(`${certs}/ca.crt`);
      const before = readFileSync(file);
      writeFileSync(file, machine.pki.cvCa.ca.certPem);
      expect(told(await machine.examine()).contradictions).toEqual([
        "certificate-taken-against-the-file: verifier-config-drift",
      ]);
      writeFileSync(file, before);
      expect(told(await machine.examine())).toEqual(well);
    });

    it("prove that another file is read when the one that is examined is another", async () => {
      const copy = machine.file("/etc/keylime/copy.conf");
      copyFileSync(machine.file(verifierConf), copy);
      writeFileSync(copy, readFileSync(copy, "utf8").replace(/^(trusted_client_ca)/m, "#$1"));
      expect(told(await machine.examine({ verifierConfig: copy }))).toEqual({
        causes: [],
        others: ["verifier-overridden"],
        contradictions: ["certificate-taken-against-the-file: verifier-overridden"],
      });
    });

    it("let everybody in who has a certificate of the CA that they trust", async () => {
      const wiki = await service(machine.pki, "wiki.funlab.casa");
      writeFileSync(machine.file(`${certs}/wiki.crt`), wiki.certPem);
      const { findings } = await machine.examine();
      expect(findings.map(({ id }) => id)).toEqual(["verifier-trust-too-wide"]);
      expect(findings[0]?.summary).toContain("CN=wiki.funlab.casa");
      const remove = (identity: Partial<Pick<IssuedCertificate, "chainPem" | "keyPem">>) =>
        deleteAgent(machine, identity);
      expect([await remove(wiki), await remove({})]).toEqual([404, 403]);
    });
  });

  it("contradict each other after a restart that ended the parent alone: its workers serve on", async () => {
    await using machine = await startReportMachine({ serverData: mendedData });
    const conf = machine.file(verifierConf);
    writeFileSync(conf, readFileSync(conf, "utf8").replace(/^(trusted_client_ca)/m, "#$1"));
    // Its workers are younger than the parent by less than the second to which their start is known.
    const later = new Date(Date.now() + 5000);
    utimesSync(conf, later, later);
    expect(told(await machine.examine()).contradictions).toEqual([
      "certificate-taken-against-the-file: verifier-config-drift",
    ]);
    const [parent, ...workers] = verifierProcesses(machine);
    process.kill(parent!, "SIGKILL");
    await until(() => !verifierProcesses(machine).includes(parent!), { what: "the parent to be gone" });
    const { contradictions } = await machine.examine();
    expect(contradictions.map(({ proves }) => proves)).toEqual(["verifier-config-drift"]);
    const pid = Number(/process (\d+)\) has run since/.exec(contradictions[0]!.because[0]!.text)?.[1]);
    expect(workers).toContain(pid);
  });

  it("are named when the environment of the process empties the list of its file", async () => {
    const variable = "KEYLIME_VERIFIER_TRUSTED_CLIENT_CA";
    await using machine = await startReportMachine({
      serverData: mendedData,
      keylime: { verifierEnvironment: { [variable]: "[]" } },
    });
    const report = await machine.examine();
    expect(told(report)).toMatchObject({ causes: ["verifier-overridden", "verifier-trust-empty"], contradictions: [] });
    expect(report.causes[0]?.summary).toContain(`environment variable ${variable} sets trusted_client_ca = []`);
    expect(report.causes[0]?.evidence.map(({ text }) => text).join("\n")).toMatch(/seen in process \d+/);
  });
});

/** Of the machine as it was examined last, the parent first. */
function verifierProcesses({ file }: ReportMachine): number[] {
  const pids = readdirSync(file("/proc")).filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => commandOf(pid).includes("keylime_verifier")).map(Number);
}

/** A process that has ended has none. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}

/** The status with which the verifier answers a client that would delete a node. */
async function deleteAgent(
  { keylime, pki }: ReportMachine,
  { chainPem, keyPem }: Partial<Pick<IssuedCertificate, "chainPem" | "keyPem">>,
): Promise<number> {
  const identity = chainPem === undefined || keyPem === undefined ? {} : { identity: { certPem: chainPem, keyPem } };
  const url = `${keylime.verifierUrl}/v2.2/agents/test`;
  return (await httpsRequest(url, { method: "DELETE", caPem: pki.caCompleteChainPem, ...identity })).status;
}
