import { runChecked, runCommand } from "../../support/run-command.js";

/** What tshark reads of one connection. */
export interface TsharkStream {
  /** DER in hex, in the order of the wire, by the source port of the message. */
  certificates: { fromPort: number; der: string[] }[];
  alerts: { fromPort: number; number: number }[];
  /** DER in hex of the names in the CertificateRequest; undefined without one. */
  caNames: string[] | undefined;
}

/** The certificates, alerts and CA names of a capture of one server, as tshark tells them, by the client's port. */
export async function tsharkStreams(
  file: string,
  serverPort: number,
  keyLog?: string,
): Promise<Map<number, TsharkStream>> {
  const streams = new Map<number, TsharkStream>();
  const streamOf = (source: string, destination: string): TsharkStream => {
    const port = Number(source) === serverPort ? Number(destination) : Number(source);
    const stream = streams.get(port) ?? { certificates: [], alerts: [], caNames: undefined };
    streams.set(port, stream);
    return stream;
  };
  const fields = ["tcp.srcport", "tcp.dstport", "tls.handshake.certificate", "tls.alert_message.desc"];
  for (const row of await tsharkFields(file, serverPort, fields, keyLog)) {
    const [source, destination, certificates, alerts] = row as [string, string, string, string];
    if (source === "" || (certificates === "" && alerts === "")) continue;
    const told = streamOf(source, destination);
    const fromPort = Number(source);
    if (certificates !== "") told.certificates.push({ fromPort, der: certificates.replaceAll(":", "").split(",") });
    for (const number of alerts.split(",").filter(Boolean)) told.alerts.push({ fromPort, number: Number(number) });
  }
  for (const { ports, names } of await tsharkCaNames(file, serverPort, keyLog)) streamOf(...ports).caNames = names;
  return streams;
}

/** How many TCP packets of a capture are shorter than they were on the wire. */
export async function tsharkCutPackets(file: string): Promise<number> {
  const filter = "tcp && frame.cap_len < frame.len";
  const stdout = await runChecked("tshark", ["-r", file, "-Y", filter, "-T", "fields", "-e", "frame.number"]);
  return stdout.split("\n").filter(Boolean).length;
}

/** CertificateRequests as JSON with the bytes of each field: the names have no field of their own that prints. */
async function tsharkCaNames(
  file: string,
  port: number,
  keyLog?: string,
): Promise<{ ports: [string, string]; names: string[] }[]> {
  const args = ["-Y", "tls.handshake.type == 13", "-T", "json", "-x", "--no-duplicate-keys", "-J", "tcp tls"];
  const packets = JSON.parse((await tshark(file, port, args, keyLog)) || "[]") as JsonPacket[];
  return packets.map(({ _source: { layers } }) => {
    const names: string[] = [];
    collect(layers.tls, "tls.handshake.dname_raw", names);
    return { ports: [layers.tcp["tcp.srcport"], layers.tcp["tcp.dstport"]], names: names.map(inSequence) };
  });
}

interface JsonPacket {
  _source: { layers: { tcp: { "tcp.srcport": string; "tcp.dstport": string }; tls: unknown } };
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
