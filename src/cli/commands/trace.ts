import { type Command, InvalidArgumentError } from "commander";
import type { AddCommand } from "../command.js";
import type { TraceCommandOptions } from "./trace-run.js";

const examples = `
Examples:
  spire-keylime trace handshake.pcapng
  spire-keylime trace handshake.pcap --keylog keys.txt --port 8881
  tcpdump -i any -U -w - port 8881 | spire-keylime trace - --follow

Exit codes: 0 no connection was refused, 1 one was, 2 wrong usage, 3 the capture could not be read to its end.
`;

export const addTrace: AddCommand = (program: Command, io, setExitCode) => {
  program
    .command("trace")
    .description("tell from a packet capture who presented which certificate, and which alert came back")
    .argument("<file>", "pcap or pcapng; - reads standard input")
    .option("--keylog <file>", "NSS key log (SSLKEYLOGFILE) of either side, to read TLS 1.3 handshakes")
    .option("--port <number>", "only connections that use this port", portNumber)
    .option("--host <address>", "only connections with this IP address")
    .option("--follow", "print each connection as it ends, also while no packet comes")
    .option("--html <file>", "write the ladders to one self-contained HTML file")
    .option("--full", "print every ladder; without it accepted connections beyond the first 100 are one line each")
    .option("--json", "print one JSON document (schema spire-keylime/trace/v1)")
    .addHelpText("after", examples)
    .action(async (file: string, options: TraceCommandOptions) => {
      const { runTrace } = await import("./trace-run.js");
      setExitCode(await runTrace(file, options, io));
    });
};

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
    throw new InvalidArgumentError("a number from 1 to 65535 expected");
  return port;
}
