import { runCommand } from "../../support/run-command.js";

/** What tshark reads in a capture, per TCP stream in the order of first packets. */
export interface TsharkStream {
  /** DER in hex, in the order of the wire, by the source port of the message. */
  certificates: { fromPort: number; der: string[] }[];
  alerts: { fromPort: number; number: number }[];
}

/** The certificates and alerts of a capture as tshark tells them. */
export async function tsharkStreams(file: string, keyLog?: string): Promise<Map<number, TsharkStream>> {
  const rows = await tsharkFields(
    file,
    ["tcp.stream", "tcp.srcport", "tls.handshake.certificate", "tls.alert_message.desc"],
    keyLog,
  );
  const streams = new Map<number, TsharkStream>();
  for (const [stream, port, certificates, alerts] of rows) {
    if (stream === "" || (certificates === "" && alerts === "")) continue;
    const told = streams.get(Number(stream)) ?? { certificates: [], alerts: [] };
    streams.set(Number(stream), told);
    const fromPort = Number(port);
    if (certificates !== "") told.certificates.push({ fromPort, der: certificates!.replaceAll(":", "").split(",") });
    for (const number of alerts!.split(",").filter(Boolean)) told.alerts.push({ fromPort, number: Number(number) });
  }
  return streams;
}

/** Lengths of the CA lists that tshark reads, by stream. */
export async function tsharkCaLists(file: string, keyLog?: string): Promise<Map<number, number>> {
  const rows = await tsharkFields(
    file,
    ["tcp.stream", "tls.handshake.type", "tls.handshake.dnames_len", "tls.handshake.dname_len"],
    keyLog,
  );
  const lists = new Map<number, number>();
  for (const [stream, types, , names] of rows) {
    if (!types!.split(",").includes("13")) continue;
    lists.set(Number(stream), names === "" ? 0 : names!.split(",").length);
  }
  return lists;
}

async function tsharkFields(file: string, fields: readonly string[], keyLog?: string): Promise<string[][]> {
  const keys = keyLog === undefined ? [] : ["-o", `tls.keylog_file:${keyLog}`];
  const args = ["-r", file, ...keys, "-o", "tcp.reassemble_out_of_order:TRUE", "-Y", "tls", "-T", "fields"];
  const { stdout } = await runCommand("tshark", [...args, ...fields.flatMap((field) => ["-e", field])], {
    timeoutMs: 60_000,
  });
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split("\t"));
}
