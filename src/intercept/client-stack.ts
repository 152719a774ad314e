import { alpn } from "../tls/extensions/alpn.js";
import { extensionValue, type RawExtension } from "../tls/extensions/extension.js";
import { supportedGroups } from "../tls/extensions/number-list.js";
import type { ClientHello } from "../tls/messages/client-hello.js";
import { cipherSuites } from "../tls/tables/cipher-suites.js";
import { extensionTypes } from "../tls/tables/extension-types.js";
import { isGrease } from "../tls/tables/wire-table.js";

/** What a ClientHello shows of its library: numbers in the order they were sent, GREASE left out. */
export interface HelloFeatures {
  cipherSuites: number[];
  extensions: number[];
  groups: number[];
  alpn: string[];
}

export function helloFeatures(hello: ClientHello): HelloFeatures {
  const numbers = (list: readonly number[]) => list.filter((each) => !isGrease(each));
  return {
    cipherSuites: numbers(hello.cipherSuites),
    extensions: numbers(hello.extensions.map(({ type }) => type)),
    groups: numbers(lenient(hello.extensions, supportedGroups) ?? []),
    alpn: lenient(hello.extensions, alpn) ?? [],
  };
}

/** The library a client looks like; undefined for one that nobody here has met. Never proof: anybody can send anything. */
export function looksLike(hello: ClientHello): string | undefined {
  const features = helloFeatures(hello);
  return rules.find(({ fits }) => fits(features))?.name;
}

interface Rule {
  name: string;
  fits(features: HelloFeatures): boolean;
}

const { values: suites } = cipherSuites;
const { values: types } = extensionTypes;

const startsWith = (list: readonly number[], ...first: number[]): boolean =>
  first.every((each, at) => list[at] === each);

const suites13 = ({ cipherSuites: list }: HelloFeatures): number[] => list.filter((each) => each >> 8 === 0x13);
/** Those of TLS 1.2 and older, which differ most between programs. */
const olderSuites = ({ cipherSuites: list }: HelloFeatures): number[] => list.filter((each) => each >> 8 !== 0x13);

const openssl13 = [
  suites.TLS_AES_256_GCM_SHA384,
  suites.TLS_CHACHA20_POLY1305_SHA256,
  suites.TLS_AES_128_GCM_SHA256,
] as const;
const java13 = [
  suites.TLS_AES_256_GCM_SHA384,
  suites.TLS_AES_128_GCM_SHA256,
  suites.TLS_CHACHA20_POLY1305_SHA256,
] as const;

/** OpenSSL's order in TLS 1.3, which Node, Python and curl leave as it is; GnuTLS, which has it too, limits record sizes. */
const isOpenssl = (hello: HelloFeatures): boolean => {
  const { extensions } = hello;
  const newer = suites13(hello);
  if (!extensions.includes(types.encrypt_then_mac) || extensions.includes(types.record_size_limit)) return false;
  return newer.length > 0 ? startsWith(newer, ...openssl13) : isOpenssl12(hello) || isNode12(hello);
};

const isOpenssl12 = (hello: HelloFeatures): boolean =>
  startsWith(
    olderSuites(hello),
    suites.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suites.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
  );

/** Node brings a list of its own, which begins with AES-128. */
const isNode12 = (hello: HelloFeatures): boolean =>
  startsWith(
    olderSuites(hello),
    suites.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    suites.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
  );

/** Python cuts OpenSSL's list down to forward-secret AEAD and SHA-2 suites. */
const isPython12 = (hello: HelloFeatures): boolean =>
  isOpenssl12(hello) &&
  olderSuites(hello).length < 20 &&
  !hello.cipherSuites.includes(suites.TLS_RSA_WITH_AES_128_CBC_SHA);

const isGo = ({ cipherSuites: list, extensions }: HelloFeatures): boolean =>
  extensions.includes(types.signed_certificate_timestamp) &&
  extensions.includes(types.renegotiation_info) &&
  extensions.includes(types.status_request) &&
  !extensions.includes(types.session_ticket) &&
  !extensions.includes(types.psk_key_exchange_modes) &&
  list.length < 25;

const isJava = (hello: HelloFeatures): boolean =>
  hello.extensions.includes(types.signature_algorithms_cert) &&
  (hello.extensions.includes(types.status_request_v2) ||
    (hello.extensions.includes(types.status_request) && startsWith(suites13(hello), ...java13)));

/**
 * Learnt from real clients, each with TLS 1.3 and with 1.2 at most: Go 1.26, OpenSSL 3.0 (s_client, curl 7.88, Python
 * 3.11), Node 20, 22 and 24, JSSE of Java 17. The first that fits counts.
 */
const rules: readonly Rule[] = [
  { name: "Go (crypto/tls)", fits: isGo },
  { name: "Java (JSSE)", fits: isJava },
  { name: "Node.js (OpenSSL)", fits: (hello) => isOpenssl(hello) && isNode12(hello) },
  {
    // curl asks for no session ticket and offers HTTP.
    name: "curl (OpenSSL)",
    fits: (hello) =>
      isOpenssl(hello) && hello.alpn.includes("http/1.1") && !hello.extensions.includes(types.session_ticket),
  },
  { name: "Python (OpenSSL)", fits: (hello) => isOpenssl(hello) && isPython12(hello) },
  { name: "OpenSSL", fits: isOpenssl },
];

function lenient<T>(
  extensions: readonly RawExtension[],
  codec: Parameters<typeof extensionValue<T>>[1],
): T | undefined {
  try {
    return extensionValue(extensions, codec);
  } catch {
    return undefined;
  }
}
