/** One encapsulated block of a PEM text (RFC 7468, and RFC 1421 headers as OpenSSL's traditional keys carry them). */
export interface PemBlock {
  /** What stands between `-----BEGIN ` and `-----`, e.g. `CERTIFICATE`. */
  label: string;
  /** RFC 1421 headers in order, e.g. `["Proc-Type", "4,ENCRYPTED"]`. */
  headers: ReadonlyArray<readonly [name: string, value: string]>;
  /** The decoded body. */
  der: Buffer;
  /** The block's own lines, with LF line ends and without blanks around them: what another PEM reader may be given. */
  text: string;
  /** Lines of BEGIN and END, counted from 1. */
  line: number;
  endLine: number;
}

/** Something that looks like PEM and cannot be read; what stands around it is still read. */
export interface PemFlaw {
  message: string;
  line: number;
}

export interface PemText {
  blocks: PemBlock[];
  flaws: PemFlaw[];
}

const boundary = /^-----(BEGIN|END) ([^\r\n]*?)-----$/;

/**
 * Parses every block of a text. Text between blocks is ignored (RFC 7468 section 2), line ends may be LF or CRLF, a byte
 * order mark and blanks around lines are taken. Never throws.
 */
export function parsePem(text: string): PemText {
  const result: PemText = { blocks: [], flaws: [] };
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  let open: { label: string; index: number } | undefined;
  for (const [index, raw] of lines.entries()) {
    const [, kind, label] = boundary.exec(raw.trim()) ?? [];
    if (kind === undefined || label === undefined) continue;
    if (kind === "BEGIN") {
      if (open !== undefined) result.flaws.push(unended(open));
      open = { label, index };
    } else if (open === undefined) {
      result.flaws.push({ message: `END ${label} without a BEGIN`, line: index + 1 });
    } else {
      addBlock(result, lines, open, { label, index });
      open = undefined;
    }
  }
  if (open !== undefined) result.flaws.push(unended(open));
  return result;
}

function unended(open: { label: string; index: number }): PemFlaw {
  return { message: `BEGIN ${open.label} is never ended`, line: open.index + 1 };
}

function addBlock(
  result: PemText,
  lines: readonly string[],
  begin: { label: string; index: number },
  end: { label: string; index: number },
): void {
  const line = begin.index + 1;
  if (begin.label !== end.label) {
    result.flaws.push({ message: `BEGIN ${begin.label} is ended by END ${end.label}`, line });
    return;
  }
  const inside = lines.slice(line, end.index).map((each) => each.trim());
  const { headers, bodyStart } = splitHeaders(inside);
  const body = inside.slice(bodyStart).join("").replaceAll(/\s/g, "");
  if (!isBase64(body)) {
    const bad = inside.findIndex((each, at) => at >= bodyStart && !/^[A-Za-z0-9+/=\s]*$/.test(each));
    result.flaws.push({
      message: `the body of ${begin.label} is not base64`,
      line: line + 1 + (bad === -1 ? bodyStart : bad),
    });
    return;
  }
  if (body === "") {
    result.flaws.push({ message: `${begin.label} is empty`, line });
    return;
  }
  const text = `-----BEGIN ${begin.label}-----\n${inside.join("\n")}\n-----END ${begin.label}-----\n`;
  result.blocks.push({
    label: begin.label,
    headers,
    der: Buffer.from(body, "base64"),
    text,
    line,
    endLine: end.index + 1,
  });
}

/** RFC 1421 headers end at the first empty line; a line that starts with a blank continues the one before it. */
function splitHeaders(inside: readonly string[]): { headers: Array<[string, string]>; bodyStart: number } {
  const headers: Array<[string, string]> = [];
  if (!/^[A-Za-z][A-Za-z0-9-]*:/.test(inside[0] ?? "")) return { headers, bodyStart: 0 };
  for (const [index, each] of inside.entries()) {
    if (each === "") return { headers, bodyStart: index + 1 };
    const [, name, value] = /^([A-Za-z][A-Za-z0-9-]*):\s*(.*)$/.exec(each) ?? [];
    if (name !== undefined) headers.push([name, value ?? ""]);
    else if (headers.length > 0) headers.at(-1)![1] += each;
  }
  return { headers, bodyStart: inside.length };
}

function isBase64(body: string): boolean {
  return body.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(body);
}

/** Whether the block is a private key, in any of the spellings OpenSSL writes. */
export function isPrivateKeyBlock(block: PemBlock): boolean {
  return /(^|^ENCRYPTED |^(RSA|EC|DSA) )PRIVATE KEY$/.test(block.label);
}

/** Whether the block is a plain certificate; OpenSSL's own TRUSTED CERTIFICATE is not. */
export function isCertificateBlock(block: PemBlock): boolean {
  return block.label === "CERTIFICATE" || block.label === "X509 CERTIFICATE";
}

/** Whether a private key needs a password: PKCS#8 says so in its label, the traditional forms in their headers. */
export function isEncryptedBlock(block: PemBlock): boolean {
  const procType = block.headers.find(([name]) => name.toLowerCase() === "proc-type");
  return block.label === "ENCRYPTED PRIVATE KEY" || /ENCRYPTED/.test(procType?.[1] ?? "");
}
