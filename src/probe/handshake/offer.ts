import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { tls13CipherSuites } from "../../tls/cipher-suite.js";
import { alpn } from "../../tls/extensions/alpn.js";
import { makeExtension, type RawExtension } from "../../tls/extensions/extension.js";
import { clientKeyShares, type KeyShare } from "../../tls/extensions/key-share.js";
import {
  ecPointFormats,
  offeredVersions,
  pskKeyExchangeModes,
  signatureAlgorithms,
  supportedGroups,
} from "../../tls/extensions/number-list.js";
import { serverName } from "../../tls/extensions/server-name.js";
import { agreementGroups, createKeyAgreement, type KeyAgreement } from "../../tls/key-agreement.js";
import { type ClientHello, writeClientHello } from "../../tls/messages/client-hello.js";
import { offeredSchemes } from "../../tls/signature-choice.js";
import { extensionTypes } from "../../tls/tables/extension-types.js";
import { tls12Suites } from "../../tls/tls12/tls12-suite.js";
import { tls12, tls13 } from "./wire-versions.js";

export interface OfferOptions {
  /** Numbers of the registry, the preferred one first. */
  versions: readonly number[];
  /** A host name; an address is not sent, as RFC 6066 section 3 demands. */
  serverName: string | undefined;
  alpn: readonly string[];
}

/** Our half of the negotiation, kept to write the second ClientHello from after a retry. */
export interface Offer {
  options: OfferOptions;
  hello: ClientHello;
  agreements: Map<number, KeyAgreement>;
}

/** Shares sent at once, so that hardly any server needs to ask again. */
const sharedGroups = agreementGroups.slice(0, 2);
/** TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746 section 3.3). */
const renegotiationSignal = 0x00ff;

export function makeOffer(options: OfferOptions): Offer {
  const offers13 = options.versions.includes(tls13);
  const groups = offers13 ? sharedGroups : [];
  const agreements = new Map(groups.map((group) => [group, createKeyAgreement(group)]));
  const hello: ClientHello = {
    legacyVersion: tls12,
    random: randomBytes(32),
    sessionId: offers13 ? randomBytes(32) : Buffer.alloc(0),
    cipherSuites: cipherSuiteNumbers(options.versions),
    compressionMethods: [0],
    extensions: helloExtensions(options, sharesOf(agreements)),
  };
  return { options, hello, agreements };
}

/**
 * The second ClientHello, which a HelloRetryRequest asked for (RFC 8446 section 4.1.2): one share of the group it names, the
 * same shares again when it names none, and the cookie back.
 */
export function retryOffer(offer: Offer, group: number | undefined, cookie: Buffer | undefined): Offer {
  const agreements = group === undefined ? offer.agreements : new Map([[group, createKeyAgreement(group)]]);
  const echoed = cookie === undefined ? [] : [{ type: extensionTypes.values.cookie, data: cookie }];
  const extensions = [...helloExtensions(offer.options, sharesOf(agreements)), ...echoed];
  return { ...offer, agreements, hello: { ...offer.hello, extensions } };
}

export function offerBytes({ hello }: Offer): Buffer {
  return writeClientHello(hello);
}

function cipherSuiteNumbers(versions: readonly number[]): number[] {
  const for13 = versions.includes(tls13) ? tls13CipherSuites.map(({ number }) => number) : [];
  const for12 = versions.includes(tls12) ? [...tls12Suites.map(({ number }) => number), renegotiationSignal] : [];
  return [...for13, ...for12];
}

function sharesOf(agreements: ReadonlyMap<number, KeyAgreement>): KeyShare[] {
  return [...agreements].map(([group, { publicKey }]) => ({ group, key: publicKey }));
}

function helloExtensions({ versions, serverName: name, alpn: protocols }: OfferOptions, shares: KeyShare[]) {
  const extensions: RawExtension[] = [];
  if (name !== undefined && isIP(name) === 0) {
    extensions.push(makeExtension(serverName, [{ type: 0, name: Buffer.from(name, "latin1") }]));
  }
  extensions.push(makeExtension(supportedGroups, [...agreementGroups]));
  if (versions.includes(tls12)) {
    extensions.push(makeExtension(ecPointFormats, [0]), { type: types.extended_main_secret, data: Buffer.alloc(0) });
  }
  extensions.push(makeExtension(signatureAlgorithms, [...offeredSchemes]));
  if (protocols.length > 0) extensions.push(makeExtension(alpn, [...protocols]));
  if (versions.includes(tls13)) {
    extensions.push(
      makeExtension(offeredVersions, [...versions]),
      makeExtension(pskKeyExchangeModes, [1]),
      makeExtension(clientKeyShares, shares),
    );
  }
  return extensions;
}

const { values: types } = extensionTypes;
