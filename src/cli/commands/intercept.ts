import { InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../../core/duration.js";
import type { AddCommand } from "../command.js";
import { checkNeededOptions, type NeededOption } from "./needed-options.js";

const examples = `
Examples:
  spire-keylime intercept --listen 127.0.0.1:18881 --once
  spire-keylime intercept --listen 127.0.0.1:18881 --cert verifier.crt --key verifier.key \\
    --to 127.0.0.1:8881 --upstream-cert client.crt --upstream-key client.key --upstream-ca ca.crt

Point the client (keylime_verifier_host and keylime_verifier_port of the plugin, say) at the listening address.
Without --cert a self-signed certificate is made, which no client that verifies its server accepts.
Exit codes: 0 ended in order, 1 with --once: the handshake failed, 2 wrong usage, 3 could not listen.
`;

const certificateHint = "name the certificate file too";
const upstream = ["--upstream-cert", "--upstream-key", "--upstream-key-password-file", "--upstream-ca"];
const neededOptions: readonly NeededOption[] = [
  { given: ["--key", "--key-password-file"], needed: ["--cert"], hint: certificateHint },
  {
    given: [...upstream, "--upstream-servername"],
    needed: ["--to"],
    hint: "name the server behind as HOST:PORT, or leave the option out",
  },
  { given: ["--to"], needed: ["--upstream-ca"], hint: "name the trust file that vouches for the server behind" },
  { given: ["--upstream-key", "--upstream-key-password-file"], needed: ["--upstream-cert"], hint: certificateHint },
];

export const addIntercept: AddCommand = (program, io, setExitCode) => {
  program
    .command("intercept")
    .description("stand where the verifier is expected, and show which certificate a client really presents")
    .requiredOption("--listen <addr>", "HOST:PORT or PORT; a bare port is on 127.0.0.1, port 0 takes a free one")
    .option("--cert <file>", "certificate to show clients", "a self-signed one")
    .option("--key <file>", "its private key")
    .option("--key-password-file <file>", "holds the password of an encrypted key")
    .option("--client-ca <file>", "judge what clients present by this trust file, as the real server would")
    .option("--ca-names <file>", "name the CAs of this file in the request; none are named otherwise, as Keylime does")
    .option("--to <host:port>", "pass requests on to this server, which is verified")
    .option("--upstream-cert <file>", "client certificate to present to it")
    .option("--upstream-key <file>", "its private key")
    .option("--upstream-key-password-file <file>", "holds the password of an encrypted key")
    .option("--upstream-ca <file>", "trust file to verify it with")
    .option("--upstream-servername <name>", "name its certificate must carry", "the host")
    .option("--once", "end after the first connection")
    .addOption(new Option("--timeout <duration>", "for a handshake").argParser(duration).default(10_000, "10s"))
    .option("--keylog <file>", "append the connections' secrets in the SSLKEYLOGFILE format; whoever has it reads them")
    .option("--json", "print one JSON document per connection, each on a line (schema spire-keylime/intercept/v1)")
    .addHelpText("after", examples)
    .action(async (options, command) => {
      checkNeededOptions(command, neededOptions);
      const { runIntercept } = await import("./intercept-run.js");
      setExitCode(await runIntercept(options, io));
    });
};

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1 && ms <= 600_000) return ms;
  throw new InvalidArgumentError("expected a duration such as 5s or 1m, at most 10m.");
}
