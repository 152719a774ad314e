import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { type DamagedRun, handshakePair, shakeHandsDamaged } from "../../test/support/damaged-handshake.js";
import { type FieldReportPki, fieldReportPki } from "../peers/pki/field-report-pki.js";
import { connectionReport } from "./report.js";

let pki: FieldReportPki;

beforeAll(async () => {
  pki = await fieldReportPki();
});

/** A client presents its certificate with a byte changed behind the marker, and signs as if nothing had happened. */
function present(marker: string, offset: number, byte: number): DamagedRun {
  const pair = handshakePair(pki);
  const leaf = Buffer.from(pki.plugin.certDer);
  leaf[leaf.indexOf(Buffer.from(marker, "hex")) + offset] = byte;
  const chain = [leaf, pki.intermediate.certDer];
  const undamaged = { from: "nobody", record: 0, change: (content: Buffer) => content } as const;
  return shakeHandsDamaged({ ...pair, presenting: { ...pair.presenting, chain } }, [0x0304], undamaged);
}

function reportOn({ server }: DamagedRun) {
  const clientCa = { file: "ca.pem", anchors: [new X509Certificate(pki.root.certPem)] };
  const seen = { story: server, atMs: Date.now(), exchange: undefined };
  return connectionReport(seen, { shown: [], clientCa, requestedNames: [] });
}

describe("what a hostile client presents", () => {
  it("is told, and refused, when OpenSSL's parser takes a date that is none", () => {
    const run = present("170d", 14, 0x58);
    expect(run.server.isKeyProven).toBe(true);
    expect(reportOn({ ...run, server: { ...run.server, outcome: "completed" } }).finding).toEqual({
      id: "client-cert-refused",
      message:
        "a server that trusts ca.pem refuses it, most likely with bad_certificate (42): cannot read time: no UTCTime or GeneralizedTime ending in Z",
      hint: "issue the certificate again",
    });
  });

  it("is told, and answered as OpenSSL does, when its public key cannot be read", () => {
    const run = present("034200", 3, 0x05);
    expect(run.error).toMatchObject({ by: "server", thrown: { alert: 40 } });
    expect(reportOn(run)).toMatchObject({ presented: "certificate", key_proven: false });
  });
});
