export { contentTypes, handshakeTypes, tls12, tls13 } from "../../tls/tables/protocol.js";

/** RFC 8446 section 5.1: what the record of a first ClientHello names. */
export const tls10 = 0x0301;
