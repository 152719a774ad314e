import { createPrivateKey } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KeylimeWorld, type PluginValues, startKeylimeWorld } from "../../../test/fakes/keylime-world.js";
import { answer, misbehaviours, routes, startMisbehavingServer } from "../../../test/fakes/misbehaving-server.js";
import { driveServerHalf, refusalOf } from "../../../test/fakes/server-half-driver.js";
import { type SpireCall, startSpireCall } from "../../../test/fakes/spire-call.js";
import { freePort } from "../../../test/support/free-port.js";
import { type Clock, systemClock } from "../../core/clock.js";
import { startKeylimeAgent } from "../../peers/agent/keylime-agent.js";
import type { Challenge, PayloadOrChallengeResponse } from "../../plugin-sdk/index.js";
import { encodeChallenge, newNonce, readChallengeResponse, readPayload } from "../../spire/exchange.js";
import { AgentHalf } from "./agent-half.js";

let mutual: KeylimeWorld;
let plain: KeylimeWorld;
beforeAll(async () => {
  [mutual, plain] = await Promise.all([startKeylimeWorld(), startKeylimeWorld({ agentMtls: false })]);
});
afterAll(async () => {
  await mutual[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
});

interface DrivenAgentHalf {
  half: AgentHalf;
  logs: string[];
  start(): SpireCall<Challenge, PayloadOrChallengeResponse>;
  /** Answers one nonce; returns what the half sent. */
  attest(challenge?: Buffer): Promise<{ agentId: string; quote: string }>;
  [Symbol.dispose](): void;
}

async function driveAgentHalf(hcl: string | undefined, clock: Clock = systemClock): Promise<DrivenAgentHalf> {
  const logs: string[] = [];
  const half = new AgentHalf({ clock, logger: { log: (level, message) => logs.push(`${level} ${message}`) } });
  if (hcl !== undefined) await half.configure({ hcl, trustDomain: "example.org" });
  const start = () =>
    startSpireCall<Challenge, PayloadOrChallengeResponse>((call) => half.nodeAttestor.aidAttestation!(call));
  return {
    half,
    logs,
    start,
    async attest(challenge = encodeChallenge(newNonce())) {
      const call = start();
      const { agentId } = readPayload((await call.receive())!.payload!);
      call.send({ challenge });
      return { agentId, quote: readChallengeResponse((await call.receive())!.challengeResponse!) };
    },
    [Symbol.dispose]: () => half.close(),
  };
}

/** Every way of configuring TLS files for the mutual world. */
const noFiles = {
  keylime_agent_ca_cert_file: undefined,
  keylime_agent_client_cert_file: undefined,
  keylime_agent_client_key_file: undefined,
};

async function refusalWith(world: KeylimeWorld, changes: PluginValues): Promise<string> {
  using driven = await driveAgentHalf(world.agentData(changes));
  return await refusalOf(driven.attest(), world);
}

describe("the agent half", () => {
  it("gets a quote over mutual TLS that the server half admits", async () => {
    using agent = await driveAgentHalf(mutual.agentData());
    using server = await driveServerHalf(mutual, mutual.serverData());
    const call = agent.start();
    const payload = (await call.receive())!.payload!;
    const { spiffeId } = await server.attest({
      payload,
      quote: async (nonce) => {
        call.send({ challenge: encodeChallenge(nonce) });
        return readChallengeResponse((await call.receive())!.challengeResponse!);
      },
    });
    expect(spiffeId).toBe(`spiffe://example.org/spire/agent/keylime/${mutual.agentId}`);
    expect(await call.receive()).toBeUndefined();
  });

  it.each<[string, () => [KeylimeWorld, PluginValues]]>([
    ["mutual TLS, told so", () => [mutual, { keylime_agent_use_tls: "true" }]],
    ["mutual TLS, found out", () => [mutual, { keylime_agent_use_tls: "auto" }]],
    ["plain HTTP, told so", () => [plain, { keylime_agent_use_tls: "false" }]],
    ["plain HTTP, found out without files", () => [plain, {}]],
    [
      "plain HTTP, found out with files that say how to trust TLS",
      () => [
        plain,
        {
          keylime_agent_ca_cert_file: plain.files.ca,
          keylime_agent_client_cert_file: plain.files.cert,
          keylime_agent_client_key_file: plain.files.key,
        },
      ],
    ],
    ["a name that the certificate carries", () => [mutual, { keylime_agent_server_name: "agent.keylime.funlab.casa" }]],
  ])("speaks %s", async (_name, way) => {
    const [world, changes] = way();
    using driven = await driveAgentHalf(world.agentData(changes));
    expect(await driven.attest()).toEqual({
      agentId: world.agentId,
      quote: expect.stringMatching(/^r[^:]+:[^:]+:[^:]+$/),
    });
    expect(driven.logs).toEqual(["info Configured"]);
  });

  it("tells agent-mtls-mismatch whichever side speaks TLS alone", async () => {
    expect(await refusalWith(mutual, { keylime_agent_use_tls: "false" })).toMatchInlineSnapshot(
      `"UNAVAILABLE cannot speak plain HTTP with the Keylime agent at 127.0.0.1:AGENT: it answers in TLS [agent-mtls-mismatch]; set keylime_agent_use_tls to match enable_agent_mtls of the Keylime agent"`,
    );
    expect(await refusalWith(mutual, noFiles)).toMatchInlineSnapshot(
      `"UNAVAILABLE cannot speak plain HTTP with the Keylime agent at 127.0.0.1:AGENT: it answers in TLS [agent-mtls-mismatch]; set keylime_agent_ca_cert_file to the CA of its certificate, and keylime_agent_client_cert_file and keylime_agent_client_key_file to what it trusts"`,
    );
    const files = {
      keylime_agent_ca_cert_file: plain.files.ca,
      keylime_agent_client_cert_file: plain.files.cert,
      keylime_agent_client_key_file: plain.files.key,
    };
    expect(await refusalWith(plain, { ...files, keylime_agent_use_tls: "true" })).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime agent at 127.0.0.1:AGENT closed the connection during the TLS handshake, before it showed a certificate [agent-mtls-mismatch]; does that port speak TLS?"`,
    );
  });

  it("tells the failure over TLS of an agent that takes neither way", async () => {
    await using server = await startMisbehavingServer({ onConnection: (socket) => void socket.destroy() });
    expect(await refusalWith(mutual, { keylime_agent_port: String(server.port) })).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime agent at 127.0.0.1:PORT closed the connection during the TLS handshake, before it showed a certificate [agent-mtls-mismatch]; does that port speak TLS?"`,
    );
  });

  it("tells agent-refuses-client when the Keylime agent does not trust its certificate", async () => {
    const { directory, pki } = mutual;
    const foreign = {
      keylime_agent_client_cert_file: await directory.write("foreign.crt", pki.cvCa.client.chainPem),
      keylime_agent_client_key_file: await directory.write("foreign.key", pki.cvCa.client.keyPem),
    };
    expect(await refusalWith(mutual, foreign)).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime agent at 127.0.0.1:AGENT did not recognise the CA that issued our certificate (unknown_ca, 48); presented: OU=53, O=Keylime, L=Lexington, ST=MA, CN=client, C=US, issued by OU=53, O=Keylime, L=Lexington, ST=MA, CN=Keylime Certificate Authority, C=US (and nothing above it), from "DIR/foreign.crt" (keylime_agent_client_cert_file); likeliest fault agent-refuses-client: the Keylime agent does not trust the client certificate; add the CA OU=53, O=Keylime, L=Lexington, ST=MA, CN=Keylime Certificate Authority, C=US to its trusted_client_ca, or present a certificate that it trusts"`,
    );
    const none = { keylime_agent_client_cert_file: undefined, keylime_agent_client_key_file: undefined };
    expect(await refusalWith(mutual, none)).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime agent at 127.0.0.1:AGENT requires a client certificate and received none (certificate_required, 116); no client certificate was presented; likeliest fault client-cert-not-sent: the client has a certificate and does not send it; configure a client certificate and its key"`,
    );
  });

  it("tells what is wrong with the Keylime agent's own certificate", async () => {
    const { directory, pki } = mutual;
    const root = { keylime_agent_ca_cert_file: await directory.write("root.crt", pki.root.certPem) };
    expect(await refusalWith(mutual, root)).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime agent at 127.0.0.1:AGENT presented a certificate that CA file "DIR/root.crt" (keylime_agent_ca_cert_file) does not vouch for (unable to verify the first certificate); it presented CN=agent.keylime.funlab.casa, issued by CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US; the file holds CN=Eye of Thundera [agent-chain-not-sent]; it sent its leaf alone: add the CA CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US and its root to DIR/root.crt"`,
    );
    expect(await refusalWith(mutual, { keylime_agent_server_name: "other.example.org" })).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime agent at 127.0.0.1:AGENT presented a certificate that does not carry the name other.example.org; its names: DNS:agent.keylime.funlab.casa, DNS:agent.funlab.casa, DNS:localhost, IP:127.0.0.1 [agent-name-mismatch]; set keylime_agent_server_name to one of its names"`,
    );
  });

  it("waits for a Keylime agent that is still starting", async () => {
    const port = await freePort();
    using driven = await driveAgentHalf(plain.agentData({ keylime_agent_port: String(port) }));
    const attested = driven.attest();
    await until(() => driven.logs.includes("info Waiting for the Keylime agent"));
    const agent = await startKeylimeAgent({
      tpm: plain.tpm,
      agentId: "late",
      listen: { host: "127.0.0.1", port },
      registrar: plain.registrar.httpAddress,
    });
    expect((await attested).agentId).toBe("late");
    await agent.stop();
  });

  it("gives up waiting after half a minute, and at once when SPIRE does", async () => {
    const port = String(await freePort());
    let nowMs = 0;
    using late = await driveAgentHalf(plain.agentData({ keylime_agent_port: port }), {
      nowMs: () => (nowMs += 10_000),
    });
    expect(await refusalOf(late.attest(), plain)).toMatchInlineSnapshot(
      `"UNAVAILABLE cannot reach the Keylime agent at 127.0.0.1:PORT: connection refused [agent-unreachable]; start the Keylime agent, or correct keylime_agent_host and keylime_agent_port"`,
    );
    using driven = await driveAgentHalf(plain.agentData({ keylime_agent_port: port }));
    const call = driven.start();
    await until(() => driven.logs.includes("info Waiting for the Keylime agent"));
    call.cancel();
    expect(await refusalOf(call.receive(), plain)).toMatch(/^CANCELLED /);
  });

  it("tells an agent that only speaks API 2.1", async () => {
    await using old = await startKeylimeWorld({ enrolled: false, agent: { apiVersions: ["2.1"] } });
    expect(await refusalWith(old, {})).toMatchInlineSnapshot(
      `"FAILED_PRECONDITION the Keylime agent at https://127.0.0.1:AGENT speaks no API version in common with this program: it offers 2.1, wanted 2.2 to 2.6 [agent-api-version]; upgrade Keylime to 7.11 or newer, its agent to 0.2.7 or newer"`,
    );
  });

  it.each([
    ["with a nonce that is not alphanumeric", encodeChallenge("a&nonce=b")],
    ["with a nonce that is too long", encodeChallenge("A".repeat(65))],
    ["without a nonce", Buffer.from("{}")],
    ["of no JSON", Buffer.from("nonce")],
    ["of nothing", Buffer.alloc(0)],
    ["of more bytes than any challenge has", Buffer.alloc(100_000, 0x20)],
  ])("refuses a challenge %s, before it asks its Keylime agent", async (_name, challenge) => {
    using driven = await driveAgentHalf(mutual.agentData());
    const served = mutual.agent.served.get("/quotes/identity") ?? 0;
    expect(await refusalOf(driven.attest(challenge), mutual)).toMatch(
      /^INVALID_ARGUMENT cannot (read|use) the challenge: [^\n]* \[malformed-message\]$/,
    );
    expect(mutual.agent.served.get("/quotes/identity") ?? 0).toBe(served);
  });

  it("ends when the server does, without a challenge", async () => {
    using driven = await driveAgentHalf(mutual.agentData());
    const call = driven.start();
    await call.receive();
    call.end();
    expect(await refusalOf(call.receive(), mutual)).toBe(
      "CANCELLED the server ended the attestation without a challenge",
    );
  });

  it("refuses to attest before it is configured", async () => {
    using driven = await driveAgentHalf(undefined);
    expect(await refusalOf(driven.start().receive(), mutual)).toBe("FAILED_PRECONDITION not configured");
  });

  it.each(Object.entries(misbehaviours).filter(([, each]) => each !== misbehaviours["says nothing"]))(
    "answers with a proper status when its Keylime agent %s",
    async (name, onRequest) => {
      const isSlow = name.includes("for ever");
      await using server = await startMisbehavingServer({ onRequest });
      using driven = await driveAgentHalf(plain.agentData({ keylime_agent_port: String(server.port) }));
      const call = driven.start();
      const status = refusalOf(call.receive(), plain);
      // Its limits are ten seconds and more: SPIRE's patience ends first.
      if (isSlow) await until(() => server.requests.length > 0).then(() => call.cancel());
      expect(await status).toMatch(isSlow ? /^CANCELLED / : /^UNAVAILABLE [^\n]*$/);
    },
  );

  it.each([
    ["no envelope", "[]"],
    ["a number for the id", { results: { agent_uuid: 7, tpm_hash_alg: "sha256" } }],
    ["no id", { results: { tpm_hash_alg: "sha256" } }],
    ["broken JSON", '{"results": {"agent_uuid": "x'],
  ])("answers with a proper status when its Keylime agent's info has %s", async (_name, body) => {
    const onRequest = routes({
      "/version": answer(200, { results: { supported_version: "2.2" } }),
      "/v2.2/agent/info": answer(200, body),
    });
    await using server = await startMisbehavingServer({ onRequest });
    using driven = await driveAgentHalf(plain.agentData({ keylime_agent_port: String(server.port) }));
    expect(await refusalOf(driven.attest(), plain)).toMatch(/^UNAVAILABLE [^\n]* \[bad-answer\]$/);
  });
});

describe("Configure and Validate of the agent half", () => {
  it("warn of a client certificate that goes unused for want of a CA file", async () => {
    using driven = await driveAgentHalf(mutual.agentData({ keylime_agent_ca_cert_file: undefined }));
    expect(driven.logs).toEqual([
      "warn keylime_agent_client_cert_file has no effect: without keylime_agent_ca_cert_file only plain HTTP is spoken",
      "info Configured",
    ]);
  });

  it("name no key for the password of an encrypted key, since there is none", async () => {
    const cipher = { cipher: "aes-256-cbc", passphrase: "pass" };
    const encrypted = createPrivateKey(mutual.pki.plugin.keyPem).export({ type: "pkcs8", format: "pem", ...cipher });
    const file = await mutual.directory.write("encrypted.key", String(encrypted));
    using driven = await driveAgentHalf(undefined);
    const hcl = mutual.agentData({ keylime_agent_client_key_file: file });
    expect(await refusalOf(driven.half.configure({ hcl, trustDomain: "example.org" }), mutual)).toMatchInlineSnapshot(
      `"INVALID_ARGUMENT invalid configuration: [key-encrypted] cannot load client key "DIR/encrypted.key" (keylime_agent_client_key_file): it is encrypted, and no password is configured; store the key unencrypted with mode 0600"`,
    );
  });

  it("take what is right without a note and tell all that is wrong at once", async () => {
    using driven = await driveAgentHalf(undefined);
    const right = { hcl: mutual.agentData(), trustDomain: "example.org" };
    expect(await driven.half.validate(right)).toEqual([]);
    const hcl = mutual.agentData({
      keylime_agent_prot: "1",
      keylime_agent_port: "x",
      keylime_agent_use_tls: "perhaps",
    });
    expect(await refusalOf(driven.half.configure({ ...right, hcl }), mutual)).toMatchInlineSnapshot(
      `"INVALID_ARGUMENT invalid configuration (3 problems): [plugin-unknown-key] unknown key "keylime_agent_prot" in the agent plugin's plugin_data; did you mean keylime_agent_port?; [plugin-bad-value] keylime_agent_use_tls is "perhaps": it must be one of auto, true, false; [plugin-bad-value] keylime_agent_port is "x": it is no port number from 1 to 65535"`,
    );
    const files = mutual.agentData({
      keylime_agent_ca_cert_file: mutual.directory.file("none.crt"),
      keylime_agent_client_key_file: mutual.directory.path,
    });
    expect(await refusalOf(driven.half.configure({ ...right, hcl: files }), mutual)).toMatchInlineSnapshot(
      `"INVALID_ARGUMENT invalid configuration (2 problems): [plugin-missing-file] cannot load CA file "DIR/none.crt" (keylime_agent_ca_cert_file): no such file; create it, or correct keylime_agent_ca_cert_file; [plugin-unreadable-file] cannot load client key "DIR" (keylime_agent_client_key_file): it is a directory; set keylime_agent_client_key_file to a regular file"`,
    );
    const both = mutual.agentData({
      keylime_agent_prot: "1",
      keylime_agent_ca_cert_file: mutual.directory.file("none.crt"),
    });
    expect((await driven.half.validate({ ...right, hcl: both })).map((note) => note.slice(0, 28))).toEqual([
      "[plugin-unknown-key] unknown",
      "[plugin-missing-file] cannot",
    ]);
    const lone = mutual.agentData({ keylime_agent_client_key_file: undefined });
    expect(await driven.half.validate({ ...right, hcl: lone })).toEqual([
      "[plugin-bad-value] keylime_agent_client_cert_file is given without keylime_agent_client_key_file; set keylime_agent_client_key_file as well",
    ]);
    expect(
      await refusalOf(driven.half.configure({ ...right, hcl: 'keylime_agent_use_tls = "true"' }), mutual),
    ).toMatchInlineSnapshot(
      `"INVALID_ARGUMENT invalid configuration: [plugin-bad-value] keylime_agent_use_tls is true, but keylime_agent_ca_cert_file is not set; set keylime_agent_ca_cert_file to the CA of the Keylime agent's certificate"`,
    );
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
