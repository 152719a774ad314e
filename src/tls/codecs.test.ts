import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alertMeanings, alertName, alertText, readAlert, writeAlert } from "./alert.js";
import { ByteQueue } from "./byte-queue.js";
import { alpn } from "./extensions/alpn.js";
import { certificateAuthorities } from "./extensions/certificate-authorities.js";
import {
  type ExtensionCodec,
  extensionValue,
  hasExtension,
  makeExtension,
  repeatedExtension,
} from "./extensions/extension.js";
import { clientKeyShares, retryGroup, serverKeyShare } from "./extensions/key-share.js";
import {
  compressCertificate,
  ecPointFormats,
  offeredVersions,
  pskKeyExchangeModes,
  selectedVersion,
  signatureAlgorithms,
  signatureAlgorithmsCert,
  supportedGroups,
} from "./extensions/number-list.js";
import { hostName, serverName } from "./extensions/server-name.js";
import { HandshakeReader, writeHandshake } from "./handshake-reader.js";
import { isMalformed } from "./malformed.js";
import {
  readCertificate12,
  readCertificate13,
  writeCertificate12,
  writeCertificate13,
} from "./messages/certificate.js";
import {
  readCertificateRequest12,
  readCertificateRequest13,
  writeCertificateRequest12,
  writeCertificateRequest13,
} from "./messages/certificate-request.js";
import { readCertificateVerify, writeCertificateVerify } from "./messages/certificate-verify.js";
import { clientVersions, readClientHello, writeClientHello } from "./messages/client-hello.js";
import { readEncryptedExtensions, writeEncryptedExtensions } from "./messages/encrypted-extensions.js";
import { readFinished, writeFinished } from "./messages/finished.js";
import { readHandshake } from "./messages/handshake.js";
import { readKeyUpdate, writeKeyUpdate } from "./messages/key-update.js";
import {
  readNewSessionTicket12,
  readNewSessionTicket13,
  writeNewSessionTicket12,
  writeNewSessionTicket13,
} from "./messages/new-session-ticket.js";
import {
  helloRetryRandom,
  isHelloRetryRequest,
  negotiatedVersion,
  readServerHello,
  writeServerHello,
} from "./messages/server-hello.js";
import { looksLikeTls, RecordReader, writeRecord } from "./record.js";
import { cipherSuites } from "./tables/cipher-suites.js";
import { extensionTypes } from "./tables/extension-types.js";
import { namedGroups } from "./tables/named-groups.js";
import { handshakeTypes } from "./tables/protocol.js";
import { signatureSchemes } from "./tables/signature-schemes.js";

const bytes = (hex: string) => Buffer.from(hex, "hex");
const random = Buffer.alloc(32, 0x11);
const unknownExtension = { type: 0x7777, data: bytes("0102") };
const grease = { type: 0x2a2a, data: Buffer.alloc(0) };

const helloExtensions = [
  grease,
  makeExtension(serverName, [{ type: 0, name: Buffer.from("verifier.funlab.casa") }]),
  makeExtension(supportedGroups, [0x001d, 0x1a1a, 0x0017]),
  makeExtension(signatureAlgorithms, [0x0403, 0x0804]),
  makeExtension(signatureAlgorithmsCert, [0x0401]),
  makeExtension(alpn, ["h2", "http/1.1"]),
  makeExtension(offeredVersions, [0x0304, 0x0303]),
  makeExtension(pskKeyExchangeModes, [1]),
  makeExtension(ecPointFormats, [0]),
  makeExtension(compressCertificate, [2]),
  makeExtension(certificateAuthorities, [bytes("3000")]),
  makeExtension(clientKeyShares, [{ group: 0x001d, key: Buffer.alloc(32, 7) }]),
  unknownExtension,
];

interface MessageCase {
  name: string;
  type: number;
  version: number;
  body: Buffer;
  rewritten: (body: Buffer) => Buffer;
}

const types = handshakeTypes.values;
/** One body of each message, with the functions that must bring it back byte for byte. */
const messages: MessageCase[] = [
  {
    name: "ClientHello",
    type: types.client_hello,
    version: 0x0304,
    body: writeClientHello({
      legacyVersion: 0x0303,
      random,
      sessionId: Buffer.alloc(32, 0x22),
      cipherSuites: [0x0a0a, 0x1301, 0xc02f],
      compressionMethods: [0],
      extensions: helloExtensions,
    }),
    rewritten: (body) => writeClientHello(readClientHello(body)),
  },
  {
    name: "ServerHello",
    type: types.server_hello,
    version: 0x0304,
    body: writeServerHello({
      legacyVersion: 0x0303,
      random,
      sessionId: Buffer.alloc(0),
      cipherSuite: 0x1302,
      compressionMethod: 0,
      extensions: [
        makeExtension(selectedVersion, 0x0304),
        makeExtension(serverKeyShare, { group: 0x001d, key: Buffer.alloc(32, 9) }),
      ],
    }),
    rewritten: (body) => writeServerHello(readServerHello(body)),
  },
  {
    name: "HelloRetryRequest",
    type: types.server_hello,
    version: 0x0304,
    body: writeServerHello({
      legacyVersion: 0x0303,
      random: helloRetryRandom,
      sessionId: Buffer.alloc(0),
      cipherSuite: 0x1301,
      compressionMethod: 0,
      extensions: [makeExtension(selectedVersion, 0x0304), makeExtension(retryGroup, 0x0017)],
    }),
    rewritten: (body) => writeServerHello(readServerHello(body)),
  },
  {
    name: "EncryptedExtensions",
    type: types.encrypted_extensions,
    version: 0x0304,
    body: writeEncryptedExtensions({ extensions: [makeExtension(alpn, ["http/1.1"]), unknownExtension] }),
    rewritten: (body) => writeEncryptedExtensions(readEncryptedExtensions(body)),
  },
  {
    name: "CertificateRequest of TLS 1.3",
    type: types.certificate_request,
    version: 0x0304,
    body: writeCertificateRequest13({
      context: Buffer.alloc(0),
      extensions: [
        makeExtension(signatureAlgorithms, [0x0403]),
        makeExtension(certificateAuthorities, [bytes("3000")]),
      ],
    }),
    rewritten: (body) => writeCertificateRequest13(readCertificateRequest13(body)),
  },
  {
    name: "CertificateRequest of TLS 1.2",
    type: types.certificate_request,
    version: 0x0303,
    body: writeCertificateRequest12({
      certificateTypes: [1, 64],
      signatureAlgorithms: [0x0403],
      authorities: [bytes("3000"), bytes("30023100")],
    }),
    rewritten: (body) => writeCertificateRequest12(readCertificateRequest12(body)),
  },
  {
    name: "Certificate of TLS 1.3",
    type: types.certificate,
    version: 0x0304,
    body: writeCertificate13({
      context: bytes("aa"),
      entries: [
        { certificate: bytes("300100"), extensions: [unknownExtension] },
        { certificate: bytes("300101"), extensions: [] },
      ],
    }),
    rewritten: (body) => writeCertificate13(readCertificate13(body)),
  },
  {
    name: "Certificate of TLS 1.2",
    type: types.certificate,
    version: 0x0303,
    body: writeCertificate12({ entries: [{ certificate: bytes("300100"), extensions: [] }] }),
    rewritten: (body) => writeCertificate12(readCertificate12(body)),
  },
  {
    name: "CertificateVerify",
    type: types.certificate_verify,
    version: 0x0304,
    body: writeCertificateVerify({ scheme: 0x0403, signature: Buffer.alloc(70, 1) }),
    rewritten: (body) => writeCertificateVerify(readCertificateVerify(body)),
  },
  {
    name: "NewSessionTicket of TLS 1.3",
    type: types.new_session_ticket,
    version: 0x0304,
    body: writeNewSessionTicket13({
      lifetimeSeconds: 7200,
      ageAdd: 0xdeadbeef,
      nonce: bytes("00"),
      ticket: bytes("0102"),
      extensions: [unknownExtension],
    }),
    rewritten: (body) => writeNewSessionTicket13(readNewSessionTicket13(body)),
  },
  {
    name: "NewSessionTicket of TLS 1.2",
    type: types.new_session_ticket,
    version: 0x0303,
    body: writeNewSessionTicket12({ lifetimeSeconds: 300, ticket: bytes("0102") }),
    rewritten: (body) => writeNewSessionTicket12(readNewSessionTicket12(body)),
  },
  {
    name: "KeyUpdate",
    type: types.key_update,
    version: 0x0304,
    body: writeKeyUpdate({ requestUpdate: 1 }),
    rewritten: (body) => writeKeyUpdate(readKeyUpdate(body)),
  },
];

describe.each(messages)("$name", ({ type, version, body, rewritten }) => {
  it("comes back byte for byte", () => {
    expect(rewritten(body)).toEqual(body);
  });

  it("is refused when cut at any byte", () => {
    for (let length = 0; length < body.length; length++) {
      expect(outcome(() => rewritten(body.subarray(0, length)), `cut at ${length}`)).not.toBe("read whole");
    }
    function outcome(read: () => Buffer, what: string): string {
      try {
        // A hello without extensions is a whole hello of an older client; what is read must still be what was sent.
        const again = read();
        return again.length < body.length ? "shorter message" : "read whole";
      } catch (error) {
        expect(isMalformed(error), `${what}: ${String(error)}`).toBe(true);
        return "refused";
      }
    }
  });

  it("refuses leftovers", () => {
    expect(() => rewritten(Buffer.concat([body, bytes("00")]))).toThrow(/left over|bytes wanted/);
  });

  it("takes 100,000 mutations without another error than malformed", () => {
    const values = mutations(body, 100_000, type * 256 + version);
    for (const mutated of values) survives(mutated, version, type);
  });
});

function survives(mutated: Buffer, version: number, type: number): void {
  try {
    const decoded = readHandshake({ type, body: mutated }, version);
    if (!("extensions" in decoded)) return;
    for (const codec of allCodecs) {
      try {
        extensionValue(decoded.extensions, codec);
      } catch (error) {
        if (!isMalformed(error)) throw error;
      }
    }
  } catch (error) {
    if (!isMalformed(error)) throw error;
  }
}

const allCodecs: ExtensionCodec<unknown>[] = [
  serverName,
  supportedGroups,
  signatureAlgorithms,
  signatureAlgorithmsCert,
  offeredVersions,
  selectedVersion,
  pskKeyExchangeModes,
  ecPointFormats,
  compressCertificate,
  alpn,
  certificateAuthorities,
  clientKeyShares,
  serverKeyShare,
  retryGroup,
] as ExtensionCodec<unknown>[];

/** The same mutations in every run: bytes replaced, removed, doubled, cut, and lengths set to extremes. */
function* mutations(bytesIn: Buffer, count: number, seed: number): Generator<Buffer> {
  let state = seed | 1;
  const next = (below: number) => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return ((state >>> 0) % 0x7fffffff) % below;
  };
  for (let i = 0; i < count; i++) {
    let value = Buffer.from(bytesIn);
    for (let edits = 1 + next(4); edits > 0 && value.length > 0; edits--) {
      const at = next(value.length);
      const kind = next(5);
      if (kind === 0) value[at] = next(256);
      else if (kind === 1) value[at] = next(2) === 0 ? 0x00 : 0xff;
      else if (kind === 2) value = Buffer.concat([value.subarray(0, at), value.subarray(at + 1)]);
      else if (kind === 3)
        value = Buffer.concat([value.subarray(0, at), value.subarray(0, next(40)), value.subarray(at)]);
      else value = value.subarray(0, at);
    }
    yield value;
  }
}

describe("extensions", () => {
  const hello = readClientHello(messages[0]!.body);

  it("are decoded by type, unknown and GREASE ones kept in the order sent", () => {
    expect(hello.extensions).toEqual(helloExtensions);
    expect(hostName(extensionValue(hello.extensions, serverName))).toBe("verifier.funlab.casa");
    expect(extensionValue(hello.extensions, alpn)).toEqual(["h2", "http/1.1"]);
    expect(extensionValue(hello.extensions, supportedGroups)?.map((group) => namedGroups.name(group))).toEqual([
      "x25519",
      "GREASE (0x1a1a)",
      "secp256r1",
    ]);
    expect(extensionValue(hello.extensions, clientKeyShares)).toEqual([{ group: 0x001d, key: Buffer.alloc(32, 7) }]);
    expect(clientVersions(hello)).toEqual([0x0304, 0x0303]);
    expect(hasExtension(hello.extensions, { type: 0x7777 })).toBe(true);
    expect(repeatedExtension(hello.extensions)).toBeUndefined();
    expect(repeatedExtension([grease, grease])).toBe(0x2a2a);
  });

  it("of a server that took the name are empty", () => {
    expect(extensionValue([makeExtension(serverName, [])], serverName)).toEqual([]);
    expect(makeExtension(serverName, []).data).toEqual(Buffer.alloc(0));
  });
});

describe("hellos", () => {
  it("tell HelloRetryRequest from ServerHello, and the negotiated version from the legacy one", () => {
    const [serverHello, retry] = [readServerHello(messages[1]!.body), readServerHello(messages[2]!.body)];
    expect([isHelloRetryRequest(serverHello), isHelloRetryRequest(retry)]).toEqual([false, true]);
    expect(negotiatedVersion(serverHello)).toBe(0x0304);
    expect(negotiatedVersion({ ...serverHello, extensions: [] })).toBe(0x0303);
    expect(extensionValue(retry.extensions, retryGroup)).toBe(0x0017);
  });

  it("without extensions are those of old clients", () => {
    const old = { legacyVersion: 0x0301, random, sessionId: Buffer.alloc(0), cipherSuites: [0x002f] };
    const hello = { ...old, compressionMethods: [0], extensions: [] };
    expect(readClientHello(writeClientHello(hello))).toEqual(hello);
    expect(clientVersions(hello)).toEqual([0x0301]);
  });
});

describe("handshake messages", () => {
  it("keep what they do not know", () => {
    expect(readHandshake({ type: 0x63, body: bytes("0102") }, 0x0304)).toEqual({
      kind: "other",
      name: "0x63",
      body: bytes("0102"),
    });
    expect(readHandshake({ type: types.server_key_exchange, body: bytes("03001d") }, 0x0303)).toEqual({
      kind: "server_key_exchange",
      parameters: bytes("03001d"),
    });
    expect(writeFinished(readFinished(bytes("aabb")))).toEqual(bytes("aabb"));
  });

  it("are joined whatever pieces they arrive in", () => {
    const sent = messages.map(({ type, body }) => writeHandshake(type, body));
    const stream = Buffer.concat(sent.map(({ raw }) => raw));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 40 }), (sizes) => {
        const reader = new HandshakeReader();
        const received = [];
        for (let at = 0; at < stream.length; ) {
          const size = sizes.shift() ?? stream.length;
          reader.push(stream.subarray(at, at + size));
          at += size;
          for (let message = reader.next(); message; message = reader.next()) received.push(message);
        }
        expect(received).toEqual(sent);
        expect(reader.pendingBytes).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it("longer than the limit are refused before they are collected", () => {
    const reader = new HandshakeReader(1000);
    reader.push(bytes("0b0003e9"));
    expect(() => reader.next()).toThrow("cannot read certificate: 1001 bytes long, at most 1000 expected");
  });
});

describe("records", () => {
  const records = [
    { type: 0x16, version: 0x0301, fragment: bytes("0102030405") },
    { type: 0x14, version: 0x0303, fragment: bytes("01") },
    { type: 0x17, version: 0x0303, fragment: Buffer.alloc(0x4100, 5) },
  ];
  const stream = Buffer.concat(records.map(writeRecord));

  it("come back whatever pieces they arrive in", () => {
    for (const size of [1, 2, 5, 6, 7, 1000, stream.length]) {
      const reader = new RecordReader();
      const received = [];
      for (let at = 0; at < stream.length; at += size) {
        reader.push(stream.subarray(at, at + size));
        for (let record = reader.next(); record; record = reader.next()) received.push(record);
      }
      expect(received).toEqual(records);
    }
  });

  it("are not found in plain HTTP", () => {
    const reader = new RecordReader();
    reader.push(Buffer.from("HTTP/1.1 400 Bad Request\r\n"));
    expect(() => reader.next()).toThrow(
      "cannot read TLS record: content type 0x48 and version 0x5454 found where a TLS record was expected",
    );
    expect([looksLikeTls(Buffer.from("HTTP")), looksLikeTls(stream), looksLikeTls(Buffer.alloc(0))]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it("longer than any version allows are refused at their header", () => {
    const reader = new RecordReader();
    reader.push(bytes("1703034801"));
    expect(() => reader.next()).toThrow("18433 bytes long, at most 18432 expected");
  });

  it("take 100,000 mutated streams without another error than malformed", () => {
    const small = Buffer.concat([writeRecord(records[0]!), writeRecord(records[1]!)]);
    for (const mutated of mutations(small, 100_000, 99)) {
      const reader = new RecordReader();
      const handshakes = new HandshakeReader();
      reader.push(mutated);
      try {
        for (let record = reader.next(); record; record = reader.next()) handshakes.push(record.fragment);
        while (handshakes.next() !== undefined);
      } catch (error) {
        if (!isMalformed(error)) throw error;
      }
    }
  });
});

describe("the byte queue", () => {
  it("gives back what was pushed, in any pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), fc.array(fc.nat(30)), (pushed, sizes) => {
        const queue = new ByteQueue();
        for (const chunk of pushed) queue.push(Buffer.from(chunk));
        const taken = sizes.map((size) => queue.take(size) ?? Buffer.alloc(0));
        taken.push(queue.take(queue.length) ?? Buffer.alloc(0));
        expect(Buffer.concat(taken)).toEqual(Buffer.concat(pushed));
      }),
    );
  });
});

describe("alerts", () => {
  it("are two bytes, and nothing else", () => {
    expect(readAlert(writeAlert({ level: 2, number: 48 }))).toEqual({ level: 2, number: 48 });
    for (const wrong of ["", "02", "023000"]) expect(() => readAlert(bytes(wrong))).toThrow("cannot read alert");
  });

  it("read on after the peer's name", () => {
    expect(`the verifier ${alertText(48)}`).toBe(
      "the verifier did not recognise the CA that issued our certificate (unknown_ca, 48)",
    );
    expect(alertText(43)).toBe(
      "found that our certificate is not meant for this use (its extended key usage) (unsupported_certificate, 43)",
    );
    expect(alertText(123)).toBe("sent an alert that no registry names (0x7b)");
    expect([alertName(45), alertName(123)]).toEqual(["certificate_expired", "0x7b"]);
  });

  it("have distinct names", () => {
    const names = Object.values(alertMeanings).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("tables", () => {
  it("name what they know and print the rest in hex", () => {
    expect(cipherSuites.name(0x1301)).toBe("TLS_AES_128_GCM_SHA256");
    expect(cipherSuites.name(0xc02f)).toBe("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    expect(cipherSuites.name(0xfafa)).toBe("GREASE (0xfafa)");
    expect(signatureSchemes.name(0x0804)).toBe("rsa_pss_rsae_sha256");
    expect(extensionTypes.name(0x1234)).toBe("0x1234");
    expect(handshakeTypes.name(0x0b)).toBe("certificate");
  });

  it.each([cipherSuites, extensionTypes, namedGroups, signatureSchemes, handshakeTypes])(
    "give no number two names",
    ({ values }) => {
      const numbers = Object.values(values);
      expect(new Set(numbers).size).toBe(numbers.length);
    },
  );
});
