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

const startsWith = ({ cipherSuites: list }: HelloFeatures, ...first: number[]): boolean =>
  first.every((each, at) => list[at] === each);

/** TLS 1.3's suites in the order of OpenSSL's default, which Node, Python and curl leave as it is. */
const isOpenssl = (hello: HelloFeatures): boolean =>
  startsWith(
    hello,
    suites.TLS_AES_256_GCM_SHA384,
    suites.TLS_CHACHA20_POLY1305_SHA256,
    suites.TLS_AES_128_GCM_SHA256,
  ) && hello.extensions.includes(types.encrypt_then_mac);

const isGo = ({ cipherSuites: list, extensions }: HelloFeatures): boolean =>
  extensions.includes(types.signed_certificate_timestamp) &&
  extensions.includes(types.renegotiation_info) &&
  extensions.includes(types.status_request) &&
  !extensions.includes(types.session_ticket) &&
  !extensions.includes(types.psk_key_exchange_modes) &&
  list.length < 25;

/**
 * Learnt from real clients: Go 1.26, OpenSSL 3.0 (s_client, curl 7.88, Python 3.11), Node 20, JSSE of Java 17. The first
 * that fits counts.
 */
const rules: readonly Rule[] = [
  { name: "Go (crypto/tls)", fits: isGo },
  {
    name: "Java (JSSE)",
    fits: ({ extensions }) =>
      extensions.includes(types.status_request_v2) && extensions.includes(types.signature_algorithms_cert),
  },
  {
    // Node puts its own list, which begins with AES-128, behind the suites of TLS 1.3.
    name: "Node.js (OpenSSL)",
    fits: (hello) => isOpenssl(hello) && hello.cipherSuites[3] === suites.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
  },
  {
    name: "curl (OpenSSL)",
    fits: (hello) => isOpenssl(hello) && hello.extensions.includes(types.post_handshake_auth) && hello.alpn.length > 0,
  },
  {
    // Python cuts OpenSSL's list down to forward-secret AEAD and SHA-2 suites.
    name: "Python (OpenSSL)",
    fits: (hello) =>
      isOpenssl(hello) &&
      hello.cipherSuites.length < 25 &&
      !hello.cipherSuites.includes(suites.TLS_RSA_WITH_AES_128_CBC_SHA),
  },
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
