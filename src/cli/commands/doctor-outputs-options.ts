import { type Command, InvalidArgumentError } from "commander";

/** Files that the report is written to, beside what is printed. */
export interface DoctorOutputs {
  html?: string;
  junit?: string;
  sarif?: string;
  bundle?: string;
}

export function addOutputs(command: Command): void {
  command
    .option("--html <file>", "write the report as one HTML file: chains, handshakes, commands to copy", file)
    .option("--junit <file>", "write the checks as JUnit XML, for pipelines", file)
    .option("--sarif <file>", "write the findings as SARIF 2.1.0, for code scanning", file)
    .option(
      "--bundle <file.tgz>",
      "write what a support case needs: report, facts, configuration, certificates; no secrets",
      file,
    );
}

function file(text: string): string {
  if (text !== "" && text !== "-") return text;
  throw new InvalidArgumentError("it names a file; for standard output there is --json.");
}
