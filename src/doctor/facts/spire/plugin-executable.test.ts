import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.js";
import { Machine } from "../machine.js";
import { inspectExecutable } from "./plugin-executable.js";

describe("a wrapper script that is called like the Go plugin", () => {
  it.each([
    ["#!/bin/sh\nexec /usr/bin/node /opt/spire-keylime.cjs plugin server\n", "ours"],
    ["#!/usr/bin/env bash\nset -e\n  exec '/opt/it is.cjs' plugin server \"$@\"\n", "ours"],
    ["#!/bin/sh\nexec /usr/bin/node /opt/spire-keylime.cjs plugin agent\n", "go"],
    ["#!/bin/sh\nexec /opt/keylime-attestor-server.real\n", "go"],
    ["#!/bin/sh\n# exec /opt/spire-keylime.cjs plugin server\nexec /opt/other\n", "go"],
    ["exec /opt/spire-keylime.cjs plugin server\n", "go"],
  ])("%j is told for %s", async (script, kind) => {
    await using directory = await temporaryDirectory();
    const command = await directory.write("keylime-attestor-server", script);
    const inspected = await inspectExecutable(new Machine(undefined), { command, args: [], half: "server" });
    expect(inspected.kind).toBe(kind);
  });
});
