import { beforeAll, describe, expect, it } from "vitest";
import { alertMeanings } from "../../src/tls/alert.js";
import { cipherSuites } from "../../src/tls/tables/cipher-suites.js";
import { extensionTypes } from "../../src/tls/tables/extension-types.js";
import { namedGroups } from "../../src/tls/tables/named-groups.js";
import { contentTypes, handshakeTypes, protocolVersions } from "../../src/tls/tables/protocol.js";
import { signatureSchemes } from "../../src/tls/tables/signature-schemes.js";
import { isGrease, type WireTable } from "../../src/tls/tables/wire-table.js";
import { runChecked, runCommand } from "../support/run-command.js";

// The tables were written down from the registries; each is held against those of programs that have them too.

type Names = ReadonlyMap<number, string>;

/** Differences that are known, by what explains them: names of ours, or which of theirs we leave out. */
interface Explained {
  /** `ours / theirs`. */
  renamed?: readonly string[];
  /** Registered since, or by documents that the other program does not know. */
  onlyOurs?: readonly string[];
  onlyTheirs?: (number: number, name: string) => boolean;
}

const namesOf = ({ values }: WireTable): Names => new Map(Object.entries(values).map(([name, value]) => [value, name]));
const alertNames: Names = new Map(Object.entries(alertMeanings).map(([number, { name }]) => [Number(number), name]));
const spelled = (name: string) => name.toLowerCase().replaceAll(/[ -]/g, "_");

function differences(ours: Names, theirs: Names, explained: Explained = {}): string[] {
  const renamed = new Set(explained.renamed);
  const onlyOurs = new Set(explained.onlyOurs);
  const ofOurs = [...ours].flatMap(([number, name]) => {
    const other = theirs.get(number);
    if (other === undefined) return onlyOurs.has(name) ? [] : [`${number}: only ours, ${name}`];
    return spelled(other) === spelled(name) || renamed.has(`${name} / ${other}`) ? [] : [`${name} / ${other}`];
  });
  const ofTheirs = [...theirs].flatMap(([number, name]) => {
    const isKnown = ours.has(number) || isGrease(number) || explained.onlyTheirs?.(number, name) === true;
    return isKnown ? [] : [`${number}: only theirs, ${name}`];
  });
  return [...ofOurs, ...ofTheirs];
}

describe("the names of TLS numbers, held against tshark's", () => {
  const tables = new Map<string, Map<number, string>>();

  beforeAll(async () => {
    // All of tshark's values are 60 MB.
    const stdout = await runChecked("bash", ["-c", "tshark -G values | grep -P '^V\\ttls\\.'"], {
      timeoutMs: 120_000,
    });
    for (const [, field = "", number, name = ""] of stdout.split("\n").map((line) => line.split("\t"))) {
      const table = tables.get(field) ?? new Map<number, string>();
      tables.set(field, table.set(Number(number), name));
    }
  });

  const isBetween = (number: number, from: number, to: number) => number >= from && number <= to;
  const registries: [what: string, field: string, ours: Names, explained: Explained][] = [
    [
      "alerts",
      "tls.alert_message.desc",
      alertNames,
      {
        onlyOurs: ["too_many_cids_requested", "general_error"],
        // Of drafts of TLS 1.3; it became a handshake message.
        onlyTheirs: (number) => number === 1,
      },
    ],
    [
      "cipher suites",
      "tls.handshake.ciphersuite",
      namesOf(cipherSuites),
      {
        // In use once or somewhere without being registered: SSL 3.0's Fortezza and FIPS suites, 56-bit export suites, GOST
        // and ChaCha20 of early drafts, China's GM/T 0024, Salsa20.
        onlyTheirs: (number, name) =>
          name.startsWith("SSL_") ||
          isBetween(number, 0x60, 0x66) ||
          isBetween(number, 0x80, 0x83) ||
          isBetween(number, 0xcc13, 0xcc15) ||
          isBetween(number, 0xe001, 0xe41f),
      },
    ],
    [
      "extensions",
      "tls.handshake.extension.type",
      namesOf(extensionTypes),
      {
        renamed: [
          "extended_main_secret / extended_master_secret",
          "delegated_credential / delegated_credentials",
          "application_settings_old / application_settings",
        ],
        onlyOurs: [
          ...["tls_lts", "pwd_protect", "pwd_clear", "password_salt", "ticket_pinning", "tls_cert_with_extern_psk"],
          ...["TLMSP", "TLMSP_proxying", "TLMSP_delegate", "supported_ekt_ciphers", "rrc", "tls_flags"],
          ...["sequence_number_encryption_algorithms", "application_settings"],
          ...["ech_outer_extensions", "encrypted_client_hello"],
        ],
        // Of drafts, and Google's channel id.
        onlyTheirs: (number, name) =>
          /^Reserved|\(deprecated\)|\(drafts version\)|^channel_id/.test(name) || number === 0xffce,
      },
    ],
    [
      "groups",
      "tls.handshake.extensions_supported_group",
      namesOf(namedGroups),
      {
        // These numbers were Open Quantum Safe's before they were registered.
        renamed: ["MLKEM512 / frodo640aes", "MLKEM768 / frodo640shake", "MLKEM1024 / frodo976aes"],
        onlyOurs: [
          ...["brainpoolP256r1tls13", "brainpoolP384r1tls13", "brainpoolP512r1tls13"],
          ...["GC256A", "GC256B", "GC256C", "GC256D", "GC512A", "GC512B", "GC512C"],
          ...["SecP256r1MLKEM768", "X25519MLKEM768", "SecP384r1MLKEM1024"],
          ...["X25519Kyber768Draft00", "SecP256r1Kyber768Draft00"],
        ],
        onlyTheirs: (number) => isBetween(number, 0x200, 0x2ff) || isBetween(number, 0x2f00, 0x2fff),
      },
    ],
    [
      "signature schemes",
      "tls.handshake.sig_hash_alg",
      namesOf(signatureSchemes),
      {
        onlyOurs: [
          ...["rsa_pkcs1_md5", "rsa_pkcs1_sha224", "ecdsa_sha224"],
          ...["dsa_sha1", "dsa_sha224", "dsa_sha256", "dsa_sha384", "dsa_sha512"],
          ...["rsa_pkcs1_sha256_legacy", "rsa_pkcs1_sha384_legacy", "rsa_pkcs1_sha512_legacy"],
          ...["gostr34102012_256a", "gostr34102012_256b", "gostr34102012_256c", "gostr34102012_256d"],
          ...["gostr34102012_512a", "gostr34102012_512b", "gostr34102012_512c"],
          "ecdsa_brainpoolP256r1tls13_sha256",
          "ecdsa_brainpoolP384r1tls13_sha384",
          "ecdsa_brainpoolP512r1tls13_sha512",
          ...["mldsa44", "mldsa65", "mldsa87"],
        ],
        // Open Quantum Safe's experiments, in the range for private use.
        onlyTheirs: (number) => isBetween(number, 0xfe00, 0xfeff),
      },
    ],
    [
      "handshake messages",
      "tls.handshake.type",
      namesOf(handshakeTypes),
      {
        renamed: ["certificate_url / Client Certificate URL"],
        onlyOurs: [
          ...["request_connection_id", "new_connection_id", "client_certificate_request", "ekt_key", "message_hash"],
        ],
        // SSL 2.0's, and the one that went with next_protocol_negotiation.
        onlyTheirs: (number) => number === 7 || number === 67,
      },
    ],
    [
      "content types",
      "tls.record.content_type",
      namesOf(contentTypes),
      { renamed: ["tls12_cid / Connection ID"], onlyOurs: ["ACK"] },
    ],
    [
      "versions",
      "tls.record.version",
      namesOf(protocolVersions),
      // SSL 2.0, DTLS, China's GMTLS, and drafts.
      { onlyTheirs: (_, name) => /^SSL 2\.0$|^DTLS |^GMTLS$| draft /.test(name.replace("(", " ")) },
    ],
  ];

  it.each(registries)("agree in %s", (_, field, ours, explained) => {
    expect(tables.get(field)?.size).toBeGreaterThan(0);
    expect(differences(ours, tables.get(field)!, explained)).toEqual([]);
  });

  it("agree in which numbers are GREASE", () => {
    for (const field of ["tls.handshake.ciphersuite", "tls.handshake.extension.type", "tls.record.version"]) {
      const theirs = [...tables.get(field)!].filter(([, name]) => name === "Reserved (GREASE)");
      expect(theirs.filter(([number]) => !isGrease(number))).toEqual([]);
      expect(theirs).toHaveLength(16);
    }
  });
});

describe("the names of TLS numbers, held against OpenSSL's", () => {
  it("agree in every cipher suite that it has", async () => {
    const stdout = await runChecked("openssl", ["ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]);
    const theirs = [...stdout.matchAll(/0x(\w\w),0x(\w\w) - (\w+) /g)];
    expect(theirs.length).toBeGreaterThan(100);
    const names = theirs.map(([, high, low]) => cipherSuites.name(Number.parseInt(`${high}${low}`, 16)));
    expect(names).toEqual(theirs.map(([, , , name]) => name));
  });

  it("agree in what it prints on receipt of an alert", async () => {
    // ERR_LIB_SSL is 20; a received alert's reason is its number and 1000 (SSL_AD_REASON_OFFSET).
    const code = (number: number) => `0A${(1000 + number).toString(16).padStart(6, "0")}`;
    const numbers = Array.from({ length: 0x100 }, (_, number) => number).filter((number) => number !== 0);
    // close_notify is the end of the stream to it, and no error.
    const { stdout } = await runCommand("openssl", ["errstr", ...numbers.map(code)]);
    const printed = stdout.split("\n").map((line) => /:SSL routines::(.*)$/.exec(line)?.[1]);
    const told = numbers.flatMap((number, i) => (/^reason\(/.test(printed[i] ?? "") ? [] : [[number, printed[i]]]));
    const ours = Object.entries(alertMeanings).map(([number, { openssl }]) => [Number(number), openssl]);
    expect(told).toEqual(ours.filter(([number, text]) => number !== 0 && text !== "unknown alert type"));
  });
});

describe("the names of TLS numbers, held against Go's", () => {
  let tables: Map<string, Map<number, string>>;

  beforeAll(async () => {
    const directory = new URL("tls-tables-go/", import.meta.url).pathname;
    const stdout = await runChecked("go", ["run", "-C", directory, "."], { timeoutMs: 150_000 });
    tables = new Map();
    for (const [registry = "", number, name = ""] of stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split("\t"))) {
      tables.set(registry, (tables.get(registry) ?? new Map<number, string>()).set(Number(number), name));
    }
  });

  const rows = (registry: string) => [...tables.get(registry)!];

  it("agree in what it prints of an alert", () => {
    const ours = Object.entries(alertMeanings).filter(([number, { go }]) => go !== `alert(${number})`);
    expect(rows("alert")).toEqual(ours.map(([number, { go }]) => [Number(number), go]));
  });

  it("agree in cipher suites and versions", () => {
    expect(rows("cipher suite").map(([number]) => cipherSuites.name(number))).toEqual(
      rows("cipher suite").map(([, name]) => name),
    );
    expect(rows("version").map(([number]) => protocolVersions.name(number))).toEqual(
      rows("version").map(([, name]) => (name === "SSLv3" ? "SSL 3.0" : name)),
    );
  });

  it("agree in groups and signature schemes, in the names of their standards", () => {
    const curves: Record<string, string> = {
      CurveP256: "secp256r1",
      CurveP384: "secp384r1",
      CurveP521: "secp521r1",
      X25519: "x25519",
    };
    expect(rows("group").map(([number]) => namedGroups.name(number))).toEqual(
      rows("group").map(([, name]) => curves[name] ?? name),
    );
    expect(rows("signature scheme").map(([number, name]) => `${name} ${signatureSchemes.name(number)}`)).toEqual([
      "PKCS1WithSHA1 rsa_pkcs1_sha1",
      "ECDSAWithSHA1 ecdsa_sha1",
      "PKCS1WithSHA256 rsa_pkcs1_sha256",
      "ECDSAWithP256AndSHA256 ecdsa_secp256r1_sha256",
      "PKCS1WithSHA384 rsa_pkcs1_sha384",
      "ECDSAWithP384AndSHA384 ecdsa_secp384r1_sha384",
      "PKCS1WithSHA512 rsa_pkcs1_sha512",
      "ECDSAWithP521AndSHA512 ecdsa_secp521r1_sha512",
      "PSSWithSHA256 rsa_pss_rsae_sha256",
      "PSSWithSHA384 rsa_pss_rsae_sha384",
      "PSSWithSHA512 rsa_pss_rsae_sha512",
      "Ed25519 ed25519",
    ]);
  });
});
