import { runCommand } from "./run-command.js";

/** Runs each command of a lab's list as it was printed; what it printed is found under its remark. */
export async function runPastedCommands(list: string): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  for (const part of list.split("\n# ").slice(1)) {
    const [what, ...command] = part.split("\n");
    const { stdout, stderr } = await runCommand("bash", ["-c", command.join("\n")]);
    answers[what!] = stdout + stderr;
  }
  return answers;
}
