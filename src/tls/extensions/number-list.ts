import { extensionTypes } from "../tables/extension-types.js";
import type { ExtensionCodec } from "./extension.js";

const { values: types } = extensionTypes;

/** RFC 8446 section 4.2.7, RFC 8422 section 5.1.1: groups in order of preference. */
export const supportedGroups = numberList(types.supported_groups, 2, 2);
/** RFC 8446 section 4.2.3: schemes for CertificateVerify, and for certificates unless the next extension says otherwise. */
export const signatureAlgorithms = numberList(types.signature_algorithms, 2, 2);
export const signatureAlgorithmsCert = numberList(types.signature_algorithms_cert, 2, 2);
/** RFC 8446 section 4.2.1, in a ClientHello. */
export const offeredVersions = numberList(types.supported_versions, 1, 2);
/** RFC 8446 section 4.2.9: 0 is psk_ke, 1 is psk_dhe_ke. */
export const pskKeyExchangeModes = numberList(types.psk_key_exchange_modes, 1, 1);
/** RFC 8422 section 5.1.2: 0 is uncompressed. */
export const ecPointFormats = numberList(types.ec_point_formats, 1, 1);
/** RFC 8879 section 3: 1 zlib, 2 brotli, 3 zstd. */
export const compressCertificate = numberList(types.compress_certificate, 1, 2);

/** RFC 8446 section 4.2.1, in a ServerHello or HelloRetryRequest. */
export const selectedVersion: ExtensionCodec<number> = {
  type: types.supported_versions,
  read: (reader) => reader.u16(),
  write: (writer, version) => writer.u16(version),
};

function numberList(type: number, lengthBytes: 1 | 2, itemBytes: 1 | 2): ExtensionCodec<number[]> {
  return {
    type,
    read: (reader) => reader.vector(lengthBytes).all((list) => (itemBytes === 1 ? list.u8() : list.u16())),
    write: (writer, numbers) =>
      writer.vector(lengthBytes, (list) => {
        for (const number of numbers) itemBytes === 1 ? list.u8(number) : list.u16(number);
      }),
  };
}
