import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DoctorReport } from "../../src/doctor/report-schema.js";
import type { FieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import type { IniOptions } from "../../src/peers/real/keylime-config.js";
import type { Tree } from "../scenarios/support/machine-tree.js";
import { mendedData, serverConf, spireConf, verifierConf } from "../scenarios/support/set-ups.js";
import { describeWithPeers } from "./support/peers.js";
import { type ReportMachine, startReportMachine } from "./support/report-machine.js";
import { type Verdict, verdictOnClient } from "./support/tls-clients.js";

const clients = ["chain", "serverAuthOnly", "foreign", "expired", "leaf"] as const;
type Client = (typeof clients)[number];

/** What the real verifier makes of a client, and the first cause that the doctor names without asking it. */
type Row = Record<Client, [Verdict, cause: string | undefined]>;

const every = (verdict: Verdict, cause: string): Row => {
  const cell: Row[Client] = [verdict, cause];
  return { chain: cell, serverAuthOnly: cell, foreign: cell, expired: cell, leaf: cell };
};

const wholeChain: Row = {
  chain: [404, undefined],
  serverAuthOnly: ["alert 43", "cert-no-client-auth"],
  foreign: ["alert 48", "ca-wrong"],
  expired: ["alert 45", "cert-expired"],
  leaf: [404, undefined],
};

/** Section 2 of what was measured: the values with which the verifier starts. */
const table: [title: string, options: IniOptions, row: Row][] = [
  ["intermediate and root", { trusted_client_ca: '["ca.crt"]' }, wholeChain],
  ["the root", { trusted_client_ca: '["root.crt"]' }, { ...wholeChain, leaf: ["alert 48", "cert-chain-incomplete"] }],
  [
    "the intermediate",
    { trusted_client_ca: '["int.crt"]' },
    { ...every("alert 48", "ca-bundle-incomplete"), foreign: ["alert 48", "ca-wrong"] },
  ],
  [
    "a list that is commented out",
    { trusted_client_ca: null, "#trusted_client_ca": '["ca.crt"]' },
    every("alert 48", "verifier-trust-empty"),
  ],
  ["an empty list", { trusted_client_ca: "[]" }, every("alert 48", "verifier-trust-empty")],
  ["all", { trusted_client_ca: "all" }, every("alert 48", "verifier-trust-empty")],
];

const certs = "/etc/keylime/certs";

async function clientFiles(pki: FieldReportPki): Promise<Tree> {
  const commonName = "spire-server.keylime.funlab.casa";
  const day = 86_400_000;
  const past = { notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() - day) };
  const [serverAuthOnly, expired] = await Promise.all([
    pki.issue({ commonName, eku: ["serverAuth"] }),
    pki.issue({ commonName, eku: ["clientAuth"], ...past }),
  ]);
  const presented: Record<Client, { pem: string; keyPem: string }> = {
    chain: { pem: pki.plugin.chainPem, keyPem: pki.plugin.keyPem },
    serverAuthOnly: { pem: serverAuthOnly.chainPem, keyPem: serverAuthOnly.keyPem },
    foreign: { pem: pki.cvCa.client.certPem, keyPem: pki.cvCa.client.keyPem },
    expired: { pem: expired.chainPem, keyPem: expired.keyPem },
    leaf: { pem: pki.plugin.certPem, keyPem: pki.plugin.keyPem },
  };
  const files = Object.entries(presented).flatMap(([name, { pem, keyPem }]) => [
    [`${certs}/${name}.crt`, pem],
    [`${certs}/${name}.key`, keyPem],
  ]);
  return Object.fromEntries(files);
}

describeWithPeers(["keylime_verifier", "keylime_registrar"], "trusted_client_ca (Keylime 7.14.3)", () => {
  let machine: ReportMachine;
  beforeAll(async () => {
    machine = await startReportMachine({ files: clientFiles });
  });
  afterAll(() => machine?.[Symbol.asyncDispose]());

  /** The Go plugin, which sends its file as it is, presents the client's. */
  function present(client: Client): void {
    const port = String(machine.keylime.ports.verifier);
    const data = mendedData.map((line) => line.replace(/verifier\.(crt|key)/, `${client}.$1`).replace("8881", port));
    writeFileSync(machine.file(serverConf), spireConf("server", { data }));
  }

  const examineOffline = (): Promise<DoctorReport> => machine.examine({ offline: true });

  describe.each(table)("%s", (_title, options, row) => {
    beforeAll(async () => {
      await machine.keylime.configureVerifier(options);
      await machine.keylime.restartVerifier();
    });

    it.each(clients)("is judged as the verifier does it, of %s", async (client) => {
      const [verdict, cause] = row[client];
      present(client);
      const report = await examineOffline();
      expect({ cause: report.causes[0]?.id, predicted: predictedOf(report) }).toEqual({ cause, predicted: verdict });
      const files = {
        certFile: machine.file(`${certs}/${client}.crt`),
        keyFile: machine.file(`${certs}/${client}.key`),
      };
      expect(await verdictOnClient(`${machine.keylime.verifierUrl}/v2.2/agents/test`, files)).toBe(verdict);
      expect((await machine.examine()).contradictions).toEqual([]);
    });
  });

  it.each<[title: string, change: (text: string) => string, exception: RegExp, cause: string]>([
    [
      "a list without quotes",
      (text) => text.replace('["ca.crt"]', "[ca.crt]"),
      /ValueError/,
      "verifier-trust-list-syntax",
    ],
    [
      "a bare name",
      (text) => text.replace('["ca.crt"]', "ca.crt"),
      /ValueError|SyntaxError/,
      "verifier-trust-list-syntax",
    ],
    ["another section", (text) => text.replace("[verifier]", "[general]"), /NoSectionError/, "verifier-wrong-section"],
    [
      "default without the CA that it means",
      (text) => text.replace('["ca.crt"]', "default"),
      /FileNotFoundError/,
      "plugin-missing-file",
    ],
  ])("names what keeps the verifier from starting: %s", async (_title, change, exception, cause) => {
    await machine.keylime.stopVerifier();
    await machine.keylime.configureVerifier({ trusted_client_ca: '["ca.crt"]' });
    const file = machine.file(verifierConf);
    writeFileSync(file, change(readFileSync(file, "utf8")));
    if (cause === "plugin-missing-file") rmSync(machine.file("/var/lib/keylime/cv_ca/cacert.crt"));
    await expect(machine.keylime.startVerifier()).rejects.toThrow(exception);
    present("chain");
    expect((await examineOffline()).causes[0]?.id).toBe(cause);
  });
});

/** What the plugin is to expect of the verifier by the report: its answer to an unknown agent, or its alert. */
function predictedOf({ causes, legs }: DoctorReport): Verdict | string {
  if (causes.some(({ id }) => id === "verifier-trust-empty")) return "alert 48";
  const verdict = legs.find(({ id }) => id === "plugin->verifier")?.server.verdict;
  if (verdict?.outcome === "accepts") return 404;
  return `alert ${verdict?.alert?.number}`;
}
