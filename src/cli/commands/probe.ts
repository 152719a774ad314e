import { InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../../core/duration.js";
import type { AddCommand } from "../command.js";
import { checkNeededOptions, type NeededOption } from "./needed-options.js";

const examples = `
Examples:
  spire-keylime probe verifier.example.org:8881
  spire-keylime probe 127.0.0.1:8881 --cert client.crt --key client.key --ca ca.crt
  spire-keylime probe 127.0.0.1:8881 --try /etc/keylime/certs --ca ca.crt --as go

Exit codes: 0 everything presented was accepted, 1 something was refused, 2 wrong usage, 3 no verdict could be had.
`;

const neededOptions: readonly NeededOption[] = [
  { given: ["--key"], needed: ["--cert"], hint: "name the certificate file too" },
  {
    given: ["--key-password-file"],
    needed: ["--cert", "--try"],
    hint: "name the certificate file, or the directory of candidates, too",
  },
];

export const addProbe: AddCommand = (program, io, setExitCode) => {
  program
    .command("probe")
    .description("shake hands message by message: what a TLS server asks for, what it answers to which certificate")
    .argument("<host:port>", "the server; an IPv6 address in brackets")
    .option("--cert <file>", "client certificate to present, with the chain as the file has it")
    .option("--key <file>", "its private key")
    .option("--key-password-file <file>", "holds the password of an encrypted key")
    .option("--try <dir>", "present every certificate of a directory whose key lies there too")
    .option("--ca <file>", "judge the server's chain against this trust file")
    .option("--servername <name>", "name to ask for and to judge the certificate by", "the host")
    .option("--alpn <protocols>", "application protocols to offer, separated by commas")
    .addOption(
      new Option("--tls <version>", "versions to offer").choices(["auto", "1.2", "1.3", "both"]).default("auto"),
    )
    .addOption(
      new Option("--as <stack>", "send what this stack would send of the files").choices([
        "go",
        "openssl",
        "node",
        "rust",
      ]),
    )
    .option("--http <path>", "what to GET after the handshake, to see the server go on", "/version")
    .option("--no-http", "send nothing after the handshake; wait for an alert only")
    .addOption(
      new Option("--timeout <duration>", "for each handshake, and for the answer behind it")
        .argParser(duration)
        .default(10_000, "10s"),
    )
    .option("--json", "print one JSON document (schema spire-keylime/probe/v1)")
    .option("--verbose", "list every handshake message")
    .addHelpText("after", examples)
    .action(async (target: string, options, command) => {
      checkNeededOptions(command, neededOptions);
      const { runProbe } = await import("./probe-run.js");
      setExitCode(await runProbe(target, options, io));
    });
};

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1 && ms <= 600_000) return ms;
  throw new InvalidArgumentError("expected a duration such as 5s or 1m, at most 10m.");
}
