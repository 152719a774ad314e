import { afterAll, beforeAll, expect, it } from "vitest";
import type { PluginLogRecord } from "../../src/goplugin/hclog-record.js";
import type { HalfName } from "../../src/rehearse/half.js";
import { rehearse } from "../../src/rehearse/rehearse.js";
import { type KeylimeWorld, type PluginValues, startKeylimeWorld } from "../fakes/keylime-world.js";
import { plainText } from "../fakes/server-half-driver.js";
import { builtExecutable } from "../support/built-executable.js";
import { badLines } from "./plugin-halves.js";

let world: KeylimeWorld;
beforeAll(async () => {
  world = await startKeylimeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** One attestation through the built executable, started with more in SPIRE's environment. */
async function attestWith(more: Record<string, string>, changes: PluginValues = {}) {
  const env = { ...process.env, ...more };
  const half = (name: HalfName, data: string) => ({
    name: "keylime",
    command: builtExecutable(),
    args: ["plugin", name],
    data,
    env,
  });
  const logs: PluginLogRecord[] = [];
  const { failures, halves } = await rehearse({
    server: half("server", world.serverData(changes)),
    agent: half("agent", world.agentData()),
    timeoutMs: 20_000,
    onLog: (_half, record) => void logs.push(record),
  });
  const complaints = [halves.server.complaint, halves.agent.complaint].filter((each) => each !== undefined);
  return { failures: failures.map(({ message }) => plainText(message, world)), complaints, bad: badLines(logs) };
}

it.each([
  ["a debugger and traces on stderr", { NODE_OPTIONS: "--inspect=127.0.0.1:0 --trace-warnings --trace-exit" }],
  ["uncaught rejections that end a process", { NODE_OPTIONS: "--unhandled-rejections=strict --throw-deprecation" }],
  [
    "a smaller limit for HTTP headers and memory",
    { NODE_OPTIONS: "--max-http-header-size=500 --max-old-space-size=64" },
  ],
  ["Node's own debug output", { NODE_DEBUG: "http,tls,net" }],
  ["a proxy that nobody answers at", { https_proxy: "http://127.0.0.1:1", NODE_USE_ENV_PROXY: "1" }],
  ["CA certificates that cannot be read", { NODE_EXTRA_CA_CERTS: "/nonexistent.pem" }],
])("attests as ever where SPIRE's environment has %s", async (_name, env) => {
  expect(await attestWith(env)).toEqual({ failures: [], complaints: [], bad: [] });
});

it("verifies the verifier's certificate where the environment tells Node not to", async () => {
  const lax = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };
  const { failures } = await attestWith(lax, { keylime_verifier_server_name: "other.example.org" });
  expect(failures).toEqual([expect.stringContaining("[verifier-name-mismatch]")]);
  const cv = await world.directory.write("cv.crt", world.pki.cvCa.ca.certPem);
  const { failures: untrusted } = await attestWith(lax, { keylime_tls_ca_cert_file: cv });
  expect(untrusted).toEqual([expect.stringContaining("[ca-wrong]")]);
});
