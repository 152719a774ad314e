import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { interceptedText } from "../../src/cli/render/intercept.js";
import { probeText } from "../../src/cli/render/probe.js";
import { styleFor } from "../../src/cli/render/style.js";
import { parsePem } from "../../src/formats/pem/pem.js";
import { connectionReport } from "../../src/intercept/report.js";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { Refusal } from "../../src/peers/tls-server/refusal.js";
import type { HandshakeStory } from "../../src/peers/tls-server/story.js";
import type { ConnectionStory } from "../../src/probe/connection-story.js";
import { OlderVersion } from "../../src/probe/handshake/older-version.js";
import { reportOf } from "../../src/probe/report.js";
import { isMalformed } from "../../src/tls/malformed.js";
import { certificateFacts } from "../../src/x509/certificate.js";
import { nameText } from "../../src/x509/distinguished-name.js";
import { readCertificateFields } from "../../src/x509/extensions.js";
import { judgeOpenssl } from "../../src/x509/trust/openssl.js";
import {
  type Damage,
  type DamagedRun,
  damageOf,
  handshakePair,
  type Pair,
  shakeHandsDamaged,
} from "../support/damaged-handshake.js";
import { cuts, mutations } from "../support/mutations.js";
import { slowMs, survives, withinMemory } from "../support/survives.js";

// Long rather than real: 100,000 damaged inputs and a cut at every byte for what a stranger sends to probe and intercept.

const count = 100_000;
const [tls12, tls13] = [0x0303, 0x0304];
const style = styleFor({ colour: false });

let pki: FieldReportPki;
let pair: Pair;
let anchors: X509Certificate[];

beforeAll(async () => {
  pki = await fieldReportPki();
  pair = handshakePair(pki);
  anchors = [pki.intermediate.certPem, pki.root.certPem].map((pem) => new X509Certificate(pem));
});

const isForeseen = (error: unknown) => isMalformed(error) || error instanceof OlderVersion || error instanceof Refusal;

/** Nothing unforeseen in the handshake, and a report of whatever it left behind. */
function checkRun({ client, server, error }: DamagedRun): void {
  if (error !== undefined && !isForeseen(error.thrown)) throw error.thrown;
  const nowMs = Date.now();
  if (error?.by !== "server") reportProbed({ ...client, outcome: "unknown" }, nowMs);
  if (error?.by !== "client") reportIntercepted({ ...server, outcome: "completed" }, nowMs);
}

function reportProbed(story: ConnectionStory, nowMs: number): void {
  const view = { host: "h", port: 1, serverName: "localhost", caFile: "ca.pem", anchors, nowMs, notes: [] };
  for (const stack of [undefined, "go"] as const) probeText(reportOf([story], { ...view, stack }), style, true);
}

function reportIntercepted(story: HandshakeStory, atMs: number): void {
  const clientCa = { file: "ca.pem", anchors };
  const report = connectionReport({ story, atMs, exchange: undefined }, { shown: [], clientCa, requestedNames: [] });
  interceptedText(report, style);
}

function runDamaged(versions: number[], from: Damage["from"], seed: number): void {
  const startedMs = performance.now();
  try {
    checkRun(shakeHandsDamaged(pair, versions, { from, record: seed % 5, change: damageOf(seed) }));
  } catch (error) {
    throw new Error(`seed ${seed}, versions ${versions}, damaged ${from}`, { cause: error });
  }
  if (performance.now() - startedMs > slowMs) throw new Error(`slow: seed ${seed}`);
}

describe("the handshakes of probe and intercept", { timeout: 1_200_000 }, () => {
  it.each([tls12, tls13])("come to their end undamaged (%i)", (version) => {
    const run = shakeHandsDamaged(pair, [version], { from: "nobody", record: 0, change: (content) => content });
    checkRun(run);
    expect(run).toMatchObject({ isDone: true, error: undefined, server: { isKeyProven: true } });
    expect(run.client.serverProof?.isValid).toBe(true);
  });

  it.each([
    ["probe, with what a server sends", tls12, "server"],
    ["probe, with what a server sends", tls13, "server"],
    ["intercept, with what a client sends", tls12, "client"],
    ["intercept, with what a client sends", tls13, "client"],
  ] as const)("%s damaged (%i)", (_, version, from) => {
    withinMemory(() => {
      for (let seed = 0; seed < count / 4; seed++) runDamaged([version], from, seed);
    });
  });

  it.each([tls12, tls13])("survive a cut at every byte of every record (%i)", (version) => {
    for (const from of ["client", "server"] as const) {
      for (let record = 0; record < 5; record++) {
        for (let length = 0, whole = 1; length < whole; length++) {
          whole = 0;
          const change = (content: Buffer) => {
            whole = content.length;
            return content.subarray(0, length);
          };
          checkRun(shakeHandsDamaged(pair, [version], { from, record, change }));
        }
      }
    }
  });
});

describe("the readers of certificates and PEM", { timeout: 600_000 }, () => {
  const readFields = (der: Buffer): void => {
    const { issuer, subject } = readCertificateFields(der);
    nameText(issuer);
    nameText(subject);
  };
  /** Only what OpenSSL takes for a certificate comes to the others. */
  const judge = (der: Buffer): void => {
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(der);
    } catch {
      return;
    }
    certificateFacts(certificate);
    judgeOpenssl({ chain: [certificate], anchors, purpose: "client", nowMs: Date.now() });
  };

  it.each(["leaf", "ca"])("survive any damage to a %s", (kind) => {
    const der = kind === "leaf" ? pki.plugin.certDer : pki.intermediate.certDer;
    for (const read of [readFields, judge]) {
      survives(cuts(der), read);
      survives(mutations(der, count), read);
    }
  });

  it("survive any damage to PEM", () => {
    const text = Buffer.from(`${pki.plugin.chainPem}${pki.plugin.keyPem}`.slice(0, 1500));
    const read = (bytes: Buffer): void => {
      parsePem(bytes.toString("utf8"));
    };
    survives(cuts(text), read);
    survives(mutations(text, count), read);
  });
});
