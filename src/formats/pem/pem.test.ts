import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isCertificateBlock, isEncryptedBlock, isPrivateKeyBlock, parsePem } from "./pem.js";

const block = (label: string, body: string, headers = "") =>
  `-----BEGIN ${label}-----\n${headers}${body}\n-----END ${label}-----\n`;

describe("parsePem", () => {
  it("finds every block with its lines and ignores what stands between", () => {
    const text = `Bag Attributes\n    friendlyName: x\n${block("CERTIFICATE", "AQID\nBAUG")}subject=x\n${block("PRIVATE KEY", "/w==")}`;
    expect(parsePem(text)).toEqual({
      flaws: [],
      blocks: [
        {
          label: "CERTIFICATE",
          headers: [],
          der: Buffer.from([1, 2, 3, 4, 5, 6]),
          text: block("CERTIFICATE", "AQID\nBAUG"),
          line: 3,
          endLine: 6,
        },
        {
          label: "PRIVATE KEY",
          headers: [],
          der: Buffer.from([0xff]),
          text: block("PRIVATE KEY", "/w=="),
          line: 8,
          endLine: 10,
        },
      ],
    });
  });

  it("takes CRLF, a byte order mark and blanks around lines", () => {
    const text = `\uFEFF${block("CERTIFICATE", "  AQID  ").replaceAll("\n", " \r\n")}`;
    expect(parsePem(text)).toEqual(parsePem(block("CERTIFICATE", "AQID")));
  });

  it("reads the headers of a traditional encrypted key, continued lines included", () => {
    const [key] = parsePem(
      block("RSA PRIVATE KEY", "AQID", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,\n 00FF\n\n"),
    ).blocks;
    expect(key?.headers).toEqual([
      ["Proc-Type", "4,ENCRYPTED"],
      ["DEK-Info", "AES-256-CBC,00FF"],
    ]);
    expect([isEncryptedBlock(key!), isPrivateKeyBlock(key!), [...key!.der]]).toEqual([true, true, [1, 2, 3]]);
  });

  it.each([
    ["-----BEGIN CERTIFICATE-----\nAQID\n", "BEGIN CERTIFICATE is never ended", 1],
    [`x\n-----BEGIN A-----\n${block("CERTIFICATE", "AQID")}`, "BEGIN A is never ended", 2],
    ["-----BEGIN A-----\nAQID\n-----END B-----\n", "BEGIN A is ended by END B", 1],
    ["\n-----END A-----\n", "END A without a BEGIN", 2],
    [block("A", "AQID\nAQ!D"), "the body of A is not base64", 3],
    [block("A", "AQI"), "the body of A is not base64", 2],
    [block("A", ""), "A is empty", 1],
  ])("tells what is wrong with %j and where", (text, message, line) => {
    expect(parsePem(text).flaws).toEqual([{ message, line }]);
  });

  it("goes on after a flaw", () => {
    expect(parsePem(`${block("A", "!!!!")}${block("CERTIFICATE", "AQID")}`).blocks.map(({ label }) => label)).toEqual([
      "CERTIFICATE",
    ]);
  });

  it("never finds the block in a text cut anywhere before its end", () => {
    const text = block("CERTIFICATE", "AQIDBAUG");
    for (let length = 0; length < text.length - 1; length++) expect(parsePem(text.slice(0, length)).blocks).toEqual([]);
  });

  it("reads back what any bytes are written as, and never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.string(), (bytes, noise) => {
        const body = (
          Buffer.from(bytes)
            .toString("base64")
            .match(/.{1,64}/g) ?? []
        ).join("\n");
        expect(parsePem(block("CERTIFICATE", body)).blocks[0]?.der).toEqual(Buffer.from(bytes));
        parsePem(`${noise}${block("CERTIFICATE", noise)}${noise}`);
      }),
    );
  });

  it("takes linear time for a megabyte of broken blocks", () => {
    const startMs = performance.now();
    parsePem("-----BEGIN A-----\n".repeat(60_000));
    parsePem(`-----BEGIN A-----\nX: ${"\n y".repeat(300_000)}\n-----END A-----`);
    expect(performance.now() - startMs).toBeLessThan(3000);
  });
});

describe("labels", () => {
  it("tells keys, encrypted keys and certificates apart", () => {
    const kinds = (label: string) => {
      const [each] = parsePem(block(label, "AQID")).blocks;
      return [isPrivateKeyBlock(each!), isEncryptedBlock(each!), isCertificateBlock(each!)];
    };
    expect(
      [
        "PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "PUBLIC KEY",
        "EC PARAMETERS",
        "CERTIFICATE",
        "X509 CERTIFICATE",
        "CERTIFICATE REQUEST",
      ].map(kinds),
    ).toEqual([
      [true, false, false],
      [true, true, false],
      [true, false, false],
      [true, false, false],
      [false, false, false],
      [false, false, false],
      [false, false, true],
      [false, false, true],
      [false, false, false],
    ]);
  });
});
