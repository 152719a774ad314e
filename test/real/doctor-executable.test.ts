import { describe, expect, it } from "vitest";
import { Machine } from "../../src/doctor/facts/machine.js";
import { inspectExecutable } from "../../src/doctor/facts/spire/plugin-executable.js";
import { goPluginKeys } from "../../src/spire/schema.js";
import { builtExecutable } from "../support/built-executable.js";
import { runChecked } from "../support/run-command.js";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.js";

/** A Go program whose configuration is a struct with HCL tags, as the Go plugin's is. */
function goSource(keys: readonly string[]): string {
  const fields = keys.map((key, at) => `\tF${at} string \`hcl:"${key}"\``).join("\n");
  return `package main

import (
	"fmt"
	"reflect"
)

type Config struct {
${fields}
}

func main() { fmt.Println(reflect.TypeOf(Config{}).Field(0).Tag) }
`;
}

async function buildGo(directory: TemporaryDirectory, keys: readonly string[], ...flags: string[]): Promise<string> {
  const source = await directory.write("main.go", goSource(keys));
  const executable = directory.file("keylime-plugin");
  await runChecked("go", ["build", ...flags, "-o", executable, source]);
  return executable;
}

const inspect = (command: string, args: readonly string[] = []) =>
  inspectExecutable(new Machine(undefined), { command, args, half: "server" });

describe("a plugin's executable", () => {
  it.each([["as it is"], ["stripped", "-ldflags=-s -w", "-trimpath"]])(
    "is told for the Go plugin by the keys in its struct tags, %s",
    async (_, ...flags) => {
      await using directory = await temporaryDirectory();
      const keys = [...Object.keys(goPluginKeys.server), "keylime_registrar_host", "tpm_policy"];
      const inspected = await inspect(await buildGo(directory, keys, ...flags));
      expect({ kind: inspected.kind, keys: inspected.executableKeys }).toEqual({ kind: "go", keys: [...keys].sort() });
    },
  );

  it("is told for no plugin when it is another program", async () => {
    await using directory = await temporaryDirectory();
    const inspected = await inspect(await buildGo(directory, ["other_key"]));
    expect({ kind: inspected.kind, keys: inspected.executableKeys }).toEqual({ kind: "unknown", keys: [] });
  });

  it("is told for ours by its own schema, started directly or through Node", async () => {
    const executable = builtExecutable();
    expect((await inspect(executable)).kind).toBe("ours");
    const through = await inspect(process.execPath, ["-e", "script", executable, "0".repeat(64), "plugin", "server"]);
    expect(through.kind).toBe("ours");
    expect(through.executable).toMatchObject({ known: true, value: { path: process.execPath, script: executable } });
  });
});
