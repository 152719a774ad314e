import { type DerElement, DerReader, derTags, readDer, readOid } from "./der.js";

// RFC 4514 section 3, and the types OpenSSL prints by name that CA names are made of in practice.
const attributeNames: Record<string, string> = {
  "2.5.4.3": "CN",
  "2.5.4.4": "SN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "street",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.12": "title",
  "2.5.4.42": "GN",
  "2.5.4.97": "organizationIdentifier",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
  "1.2.840.113549.1.9.1": "emailAddress",
};

/** A DER name as text, in the order and form of a certificate's subject here: `CN=x, O=y`. One that does not read prints as hex. */
export function nameText(der: Buffer): string {
  try {
    const reader = new DerReader(readDer(der, "name").content, "name");
    return reader.all().map(relativeNameText).reverse().join(", ");
  } catch {
    return `unreadable name ${der.toString("hex", 0, 64)}`;
  }
}

function relativeNameText({ content }: DerElement): string {
  return new DerReader(content, "name").all().map(attributeText).join(" + ");
}

function attributeText({ content }: DerElement): string {
  const reader = new DerReader(content, "name");
  const oid = readOid(reader.expect(derTags.oid));
  return `${attributeNames[oid] ?? oid}=${escaped(valueText(reader.next()))}`;
}

function valueText({ tag, content, raw }: DerElement): string {
  if (tag === derTags.bmpString)
    return Buffer.from(content.subarray(0, content.length & ~1))
      .swap16()
      .toString("utf16le");
  if (tag === derTags.utf8String) return content.toString("utf8");
  if (texts.has(tag)) return content.toString("latin1");
  return `#${raw.toString("hex")}`;
}

const texts: ReadonlySet<number> = new Set([
  derTags.printableString,
  derTags.t61String,
  derTags.ia5String,
  derTags.visibleString,
]);

/** RFC 4514 section 2.4, and whatever would steer a terminal as hex pairs. */
function escaped(text: string): string {
  return text
    .replaceAll(/[",+;<>\\]/g, "\\$&")
    .replace(/^[ #]/, "\\$&")
    .replace(/ $/, "\\ ")
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
      [...Buffer.from(character)].map((byte) => `\\${byte.toString(16).padStart(2, "0").toUpperCase()}`).join(""),
    );
}
