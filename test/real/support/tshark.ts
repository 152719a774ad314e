import { runCommand } from "../../support/run-command.js";

/** What tshark reads in a capture, per TCP stream in the order of first packets. */
export interface TsharkStream {
  /** DER in hex, in the order of the wire, by the source port of the message. */
  certificates: { fromPort: number; der: string[] }[];
  alerts: { fromPort: number; number: number }[];
  /** DER in hex of the names in the CertificateRequest; undefined without one. */
  caNames: string[] | undefined;
}

/** The certificates, alerts and CA names of a capture as tshark tells them, by TCP stream. */
export async function tsharkStreams(file: string, port: number, keyLog?: string): Promise<Map<number, TsharkStream>> {
  const streams = new Map<number, TsharkStream>();
  const streamOf = (number: string): TsharkStream => {
    const stream = streams.get(Number(number)) ?? { certificates: [], alerts: [], caNames: undefined };
    streams.set(Number(number), stream);
    return stream;
  };
  const fields = ["tcp.stream", "tcp.srcport", "tls.handshake.certificate", "tls.alert_message.desc"];
  for (const [stream, source, certificates, alerts] of await tsharkFields(file, port, fields, keyLog)) {
    if (stream === "" || (certificates === "" && alerts === "")) continue;
    const told = streamOf(stream!);
    const fromPort = Number(source);
    if (certificates !== "") told.certificates.push({ fromPort, der: certificates!.replaceAll(":", "").split(",") });
    for (const number of alerts!.split(",").filter(Boolean)) told.alerts.push({ fromPort, number: Number(number) });
  }
  for (const { stream, names } of await tsharkCaNames(file, port, keyLog)) streamOf(stream).caNames = names;
  return streams;
}

/** CertificateRequests as JSON with the bytes of each field: the names have no field of their own that prints. */
async function tsharkCaNames(
  file: string,
  port: number,
  keyLog?: string,
): Promise<{ stream: string; names: string[] }[]> {
  const args = ["-Y", "tls.handshake.type == 13", "-T", "json", "-x", "--no-duplicate-keys", "-J", "tcp tls"];
  const packets = JSON.parse((await tshark(file, port, args, keyLog)) || "[]") as JsonPacket[];
  return packets.map(({ _source: { layers } }) => {
    const names: string[] = [];
    collect(layers.tls, "tls.handshake.dname_raw", names);
    return { stream: layers.tcp["tcp.stream"], names: names.map(inSequence) };
  });
}

interface JsonPacket {
  _source: { layers: { tcp: Record<string, string> & { "tcp.stream": string }; tls: unknown } };
}

/** tshark shows the inside of a name's SEQUENCE. */
function inSequence(hex: string): string {
  const length = hex.length / 2;
  const header =
    length < 0x80 ? [0x30, length] : length < 0x100 ? [0x30, 0x81, length] : [0x30, 0x82, length >> 8, length & 0xff];
  return Buffer.from(header).toString("hex") + hex;
}

/** A raw field is `[hex, position, length, …]`, or a list of such when it occurs more than once. */
function collect(node: unknown, key: string, found: string[]): void {
  if (typeof node !== "object" || node === null) return;
  for (const [name, value] of Object.entries(node)) {
    if (name !== key) collect(value, key, found);
    else if (Array.isArray(value[0])) found.push(...value.map(([hex]: [string]) => hex));
    else found.push(value[0]);
  }
}

async function tsharkFields(
  file: string,
  port: number,
  fields: readonly string[],
  keyLog?: string,
): Promise<string[][]> {
  const args = ["-Y", "tls", "-T", "fields", ...fields.flatMap((field) => ["-e", field])];
  return (await tshark(file, port, args, keyLog))
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\t"));
}

async function tshark(file: string, port: number, args: readonly string[], keyLog?: string): Promise<string> {
  const keys = keyLog === undefined ? [] : ["-o", `tls.keylog_file:${keyLog}`];
  // A client port that is registered for something else would win over TLS.
  const all = ["-r", file, ...keys, "-d", `tcp.port==${port},tls`, "-o", "tcp.reassemble_out_of_order:TRUE", ...args];
  const { stdout } = await runCommand("tshark", all, { timeoutMs: 120_000 });
  return stdout;
}
