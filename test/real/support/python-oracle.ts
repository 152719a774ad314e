import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A Python script that answers one line of JSON to each line of JSON it is given. */
export interface PythonOracle extends Disposable {
  ask(question: unknown): Promise<unknown>;
}

/** Starts `test/real/<script>`; a question that the script dies of rejects with what it printed on stderr. */
export function startPythonOracle(python: string, script: string, env: Record<string, string> = {}): PythonOracle {
  const path = new URL(`../${script}`, import.meta.url).pathname;
  const child = spawn(python, ["-u", path], { env: { ...process.env, PYTHONUTF8: "1", ...env } });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let errors = "";
  child.stderr.on("data", (data: Buffer) => {
    errors = (errors + data.toString()).slice(-4000);
  });
  return {
    async ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${script} ended: ${errors}`);
      return JSON.parse(value);
    },
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}
