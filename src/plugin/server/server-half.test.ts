import { createPrivateKey } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KeylimeWorld, startKeylimeWorld } from "../../../test/fakes/keylime-world.js";
import { startMisbehavingServer } from "../../../test/fakes/misbehaving-server.js";
import { driveServerHalf, plainText, refusalOf } from "../../../test/fakes/server-half-driver.js";
import { startSpireCall } from "../../../test/fakes/spire-call.js";
import { until } from "../../../test/support/until.js";
import { encodePayload } from "../../spire/exchange.js";

let world: KeylimeWorld;
beforeAll(async () => {
  world = await startKeylimeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const nowS = () => Math.trunc(Date.now() / 1000);

describe("the server half", () => {
  it("admits a machine in good state with its SPIFFE ID and every selector", async () => {
    using driven = await driveServerHalf(world, world.serverData());
    expect(await driven.attest()).toEqual({
      spiffeId: `spiffe://example.org/spire/agent/keylime/${world.agentId}`,
      selectorValues: [
        `uuid:${world.agentId}`,
        "verifier_id:default",
        "hash_alg:sha256",
        "enc_alg:ecc256",
        "sign_alg:ecdsa",
        "runtime_policy:absent",
        "mb_policy:absent",
        "attestation_mode:pull",
        "agent_mtls:true",
        "meta:rack:7",
        "meta:site:lab",
      ],
      canReattest: true,
    });
    expect(driven.logs.map(({ level, message }) => `${level} ${message}`)).toEqual([
      "info Configured",
      "info Node attested",
    ]);
    expect(driven.metrics).toEqual([{ key: ["attest"], labels: { outcome: "admitted" } }]);
  });

  it("emits the selectors that are asked for, below the path that is asked for", async () => {
    using driven = await driveServerHalf(
      world,
      world.serverData({ selectors: ["meta", "hash_alg"], agent_path_template: "rack/{{ .UUID }}" }),
    );
    expect(await driven.attest()).toEqual({
      spiffeId: `spiffe://example.org/spire/agent/rack/${world.agentId}`,
      selectorValues: ["hash_alg:sha256", "meta:rack:7", "meta:site:lab"],
      canReattest: true,
    });
  });

  it("refuses to attest before it is configured", async () => {
    using driven = await driveServerHalf(world, undefined);
    expect(await refusalOf(driven.attest(), world)).toBe("FAILED_PRECONDITION not configured");
  });

  it.each([
    [
      "state 1, no quote yet",
      { operationalState: 1 as const },
      "FAILED_PRECONDITION agent UUID is in state 1 (Start) at the verifier: no quote has been verified yet (at https://127.0.0.1:VERIFIER) [agent-state-unproven]; wait for the verifier's next completed round and look at the Keylime agent when none comes",
    ],
    [
      "state 7, unreachable",
      { operationalState: 7 as const, lastEventId: "internal.verifier.not_reachable" },
      "FAILED_PRECONDITION agent UUID is in state 7 (Failed) at the verifier: its attestation has stopped (last event internal.verifier.not_reachable) (at https://127.0.0.1:VERIFIER) [agent-failed]; look at the verifier's log for this agent, mend the node, then reactivate it",
    ],
    [
      "state 9, quote refused",
      { operationalState: 9 as const, lastEventId: "pcr_validation.invalid_pcr_16" },
      "PERMISSION_DENIED agent UUID is in state 9 (Invalid Quote) at the verifier: its quote was refused (last event pcr_validation.invalid_pcr_16) (at https://127.0.0.1:VERIFIER) [agent-failed]; look at the verifier's log for this agent, mend the node, then reactivate it",
    ],
    [
      "state 10, stopped",
      { operationalState: 10 as const },
      "FAILED_PRECONDITION agent UUID is in state 10 (Tenant Quote Failed) at the verifier: its attestation has stopped (at https://127.0.0.1:VERIFIER) [agent-failed]; look at the verifier's log for this agent, mend the node, then reactivate it",
    ],
    [
      "no completed round",
      { attestationCount: 0 },
      "FAILED_PRECONDITION agent UUID shows state 5 (Provide V), but the verifier counts no successful attestation (at https://127.0.0.1:VERIFIER) [agent-state-unproven]; wait for the verifier's next completed round and look at the Keylime agent when none comes",
    ],
    [
      "no time of a success",
      { lastSuccessfulAttestation: 0, lastReceivedQuote: 0 },
      "FAILED_PRECONDITION agent UUID shows state 5 (Provide V), but the verifier has no time of a successful attestation (at https://127.0.0.1:VERIFIER) [agent-state-unproven]; wait for the verifier's next completed round and look at the Keylime agent when none comes",
    ],
    [
      "a refused quote that is newer than the last good one",
      { lastReceivedQuote: 4_000_000_000 },
      "FAILED_PRECONDITION agent UUID shows state 5 (Provide V), but a quote newer than its last successful attestation was refused (at https://127.0.0.1:VERIFIER) [agent-state-unproven]; wait for the verifier's next completed round and look at the Keylime agent when none comes",
    ],
    [
      "push mode",
      { ip: null, port: null },
      "FAILED_PRECONDITION agent UUID is attested in push mode (the verifier has no address for it), which gives no identity quote (at https://127.0.0.1:VERIFIER) [agent-push-mode]; run the Keylime agent in pull mode on this node",
    ],
  ])("refuses %s", async (_name, changes, refusal) => {
    using driven = await driveServerHalf(world, world.serverData());
    await withEntry(changes, async () => {
      expect(await refusalOf(driven.attest(), world)).toBe(refusal);
      expect(driven.metrics).toHaveLength(1);
    });
    await driven.attest();
  });

  it.each([-3_600_000, 3_600_000])(
    "measures that age by the verifier's clock, its own being %i ms off",
    async (offMs) => {
      using driven = await driveServerHalf(world, world.serverData(), { nowMs: () => Date.now() + offMs });
      await driven.attest();
    },
  );

  it("refuses a success that is older than max_attestation_age, and admits it with a wider one", async () => {
    using strict = await driveServerHalf(world, world.serverData({ max_attestation_age: "30s" }));
    using wide = await driveServerHalf(world, world.serverData({ max_attestation_age: "10m" }));
    using auto = await driveServerHalf(world, world.serverData());
    const at = nowS() - 90;
    await withEntry({ lastSuccessfulAttestation: at, lastReceivedQuote: at }, async () => {
      expect(await refusalOf(strict.attest(), world)).toMatch(
        /^FAILED_PRECONDITION agent UUID shows state 5 \(Provide V\), but its last successful attestation is 1m3\ds old, more than the 30s allowed \(at https:\/\/127.0.0.1:VERIFIER\) \[agent-state-unproven\]; wait for /,
      );
      await wide.attest();
      // The verifier's own maximum_attestation_interval is 300 s.
      await auto.attest();
    });
    const old = nowS() - 320;
    await withEntry({ lastSuccessfulAttestation: old, lastReceivedQuote: old }, async () => {
      expect(await refusalOf(auto.attest(), world)).toMatch(/is 5m2\ds old, more than the 5m00s allowed/);
    });
  });

  it.each([
    [
      "require_runtime_policy",
      "PERMISSION_DENIED agent UUID is enrolled without a runtime policy, and require_runtime_policy is set [policy-required]; enrol it with one: keylime_tenant -c update -u UUID --runtime-policy <file>",
    ],
    [
      "require_measured_boot",
      "PERMISSION_DENIED agent UUID is enrolled without a measured boot policy, and require_measured_boot is set [policy-required]; enrol it with one: keylime_tenant -c update -u UUID --mb-policy <file>",
    ],
  ])("refuses a node without what %s asks for", async (key, refusal) => {
    using driven = await driveServerHalf(world, world.serverData({ [key]: true }));
    expect(await refusalOf(driven.attest(), world)).toBe(refusal);
  });

  it("tells all that a node lacks at once", async () => {
    const changes = { require_runtime_policy: true, require_measured_boot: true };
    using driven = await driveServerHalf(world, world.serverData(changes));
    expect(await refusalOf(driven.attest(), world)).toBe(
      "PERMISSION_DENIED agent UUID is enrolled without a runtime policy, and require_runtime_policy is set; it is enrolled without a measured boot policy, and require_measured_boot is set [policy-required]; enrol it with one: keylime_tenant -c update -u UUID --runtime-policy <file>; enrol it with one: keylime_tenant -c update -u UUID --mb-policy <file>",
    );
  });

  it("refuses a node whose agent serves without mutual TLS when require_agent_mtls asks for it", async () => {
    await using plain = await startKeylimeWorld({ agentMtls: false });
    using lax = await driveServerHalf(plain, plain.serverData());
    expect((await lax.attest()).selectorValues).toContain("agent_mtls:false");
    using driven = await driveServerHalf(plain, plain.serverData({ require_agent_mtls: true }));
    expect(await refusalOf(driven.attest(), plain)).toBe(
      "PERMISSION_DENIED agent UUID serves its quotes without mutual TLS, and require_agent_mtls is set [policy-required]; set enable_agent_mtls = true in the Keylime agent's configuration and enrol it anew",
    );
  });

  it("refuses a machine that is registered and not enrolled, and one that nobody knows", async () => {
    await using other = await startKeylimeWorld({ enrolled: false });
    using driven = await driveServerHalf(other, other.serverData());
    expect(await refusalOf(driven.attest(), other)).toBe(
      "FAILED_PRECONDITION cannot read agent UUID: the verifier does not know the agent; the Keylime verifier answered status 404: agent id not found (GET https://127.0.0.1:VERIFIER/v2.6/agents/UUID) [agent-not-enrolled]; add it: keylime_tenant -c add -u UUID",
    );
    const payload = encodePayload({ agentId: "no-such-agent", hashAlg: "sha256" });
    expect(await refusalOf(driven.attest({ payload }), other)).toMatch(/^FAILED_PRECONDITION .*\[agent-not-enrolled\]/);
    expect(driven.metrics.map(({ labels }) => labels?.outcome)).toEqual(["agent-not-enrolled", "agent-not-enrolled"]);
  });

  it("refuses a machine that the registrar does not know", async () => {
    await using stranger = await startKeylimeWorld({ enrolled: false });
    using driven = await driveServerHalf(
      world,
      world.serverData({
        keylime_registrar_port: String(stranger.registrar.httpsAddress.port),
        keylime_registrar_tls_ca_cert_file: stranger.files.ca,
        keylime_registrar_tls_cert_file: stranger.files.cert,
        keylime_registrar_tls_key_file: stranger.files.key,
      }),
    );
    expect(await refusalOf(driven.attest(), world)).toBe(
      "FAILED_PRECONDITION cannot read the attestation key of agent UUID: the registrar does not know the agent; the Keylime registrar answered status 404: Agent with ID 'UUID' not found (GET https://127.0.0.1:PORT/v2.6/agents/UUID) [agent-not-registered]; start the Keylime agent and look at its log for the registration",
    );
  });

  it.each([
    [
      "an unknown hash algorithm",
      { agentId: "a", hashAlg: "md5\nnonce" },
      'PERMISSION_DENIED agent a quotes with a hash algorithm that allowed_hash_algs does not list: expected sha256, sha384, sha512, found "md5\\nnonce" [hash-alg-not-allowed]; set tpm_hash_alg in the Keylime agent\'s configuration to one of these, or extend allowed_hash_algs',
    ],
    [
      "one that is not allowed",
      { agentId: "a", hashAlg: "sha1" },
      'PERMISSION_DENIED agent a quotes with a hash algorithm that allowed_hash_algs does not list: expected sha256, sha384, sha512, found "sha1" [hash-alg-not-allowed]; set tpm_hash_alg in the Keylime agent\'s configuration to one of these, or extend allowed_hash_algs',
    ],
    [
      "an id that leaves the path",
      { agentId: "..", hashAlg: "sha256" },
      'INVALID_ARGUMENT cannot make a SPIFFE ID of Keylime agent id "..": a path segment may not be ".." [agent-id-not-spiffe-safe]; set uuid = "generate" or "hash_ek" in the Keylime agent\'s configuration',
    ],
    [
      "an id with a slash",
      { agentId: "a/b", hashAlg: "sha256" },
      'INVALID_ARGUMENT cannot make a SPIFFE ID of Keylime agent id "a/b": a path segment may hold the letters A to Z and a to z, digits, dots, dashes and underscores [agent-id-not-spiffe-safe]; set uuid = "generate" or "hash_ek" in the Keylime agent\'s configuration',
    ],
    [
      "an id with a query",
      { agentId: "a?b=c", hashAlg: "sha256" },
      'INVALID_ARGUMENT cannot make a SPIFFE ID of Keylime agent id "a?b=c": a path segment may hold the letters A to Z and a to z, digits, dots, dashes and underscores [agent-id-not-spiffe-safe]; set uuid = "generate" or "hash_ek" in the Keylime agent\'s configuration',
    ],
    [
      "an id of Unicode letters",
      { agentId: "ñandú", hashAlg: "sha256" },
      'INVALID_ARGUMENT cannot make a SPIFFE ID of Keylime agent id "ñandú": a path segment may hold the letters A to Z and a to z, digits, dots, dashes and underscores [agent-id-not-spiffe-safe]; set uuid = "generate" or "hash_ek" in the Keylime agent\'s configuration',
    ],
    [
      "an id that Keylime cannot have",
      { agentId: "a".repeat(81), hashAlg: "sha256" },
      'INVALID_ARGUMENT cannot ask for agent "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": expected at most 80 letters, digits, "_", "." and "-" [bad-agent-id]',
    ],
    [
      "an id that no SPIFFE ID can hold",
      { agentId: "a".repeat(3000), hashAlg: "sha256" },
      'INVALID_ARGUMENT cannot make a SPIFFE ID of Keylime agent id "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": the ID would be longer than 2048 bytes [agent-id-not-spiffe-safe]; set uuid = "generate" or "hash_ek" in the Keylime agent\'s configuration',
    ],
  ])("refuses a payload with %s", async (_name, payload, refusal) => {
    using driven = await driveServerHalf(world, world.serverData());
    expect(await refusalOf(driven.attest({ payload: encodePayload(payload) }), world)).toBe(refusal);
  });

  it.each([
    ["nothing", "", "it is not JSON"],
    ["no JSON", "{", "it is not JSON"],
    ["a list", "[]", "it is no JSON object"],
    ["a missing key", '{"AgentID":"YQ=="}', "HashAlg is missing"],
    ["a number", '{"AgentID":1,"HashAlg":"YQ=="}', "AgentID is number, expected base64 text"],
    ["no base64", '{"AgentID":"YQ","HashAlg":"YQ=="}', "AgentID is not base64"],
    ["no UTF-8", '{"AgentID":"/w==","HashAlg":"YQ=="}', "AgentID is not UTF-8"],
    [
      "more bytes than any payload has",
      `{"AgentID":"${"YQ==".repeat(20_000)}"}`,
      "it is 80014 bytes long, more than the 65536 allowed",
    ],
  ])("refuses a payload of %s as malformed", async (_name, text, why) => {
    using driven = await driveServerHalf(world, world.serverData());
    expect(await refusalOf(driven.attest({ payload: Buffer.from(text) }), world)).toBe(
      `INVALID_ARGUMENT cannot read the attestation payload: ${why} [malformed-message]`,
    );
    expect(await refusalOf(driven.attest({ response: Buffer.from(text) }), world)).toMatch(
      /^INVALID_ARGUMENT cannot read the challenge response: /,
    );
  });

  it("refuses a stream that ends or says something else at either step", async () => {
    using driven = await driveServerHalf(world, world.serverData());
    const attest = (messages: object[]) => {
      const call = startSpireCall(driven.half.nodeAttestor.attest!);
      for (const each of messages) call.send(each);
      call.end();
      return (async () => {
        while ((await call.receive()) !== undefined);
      })();
    };
    const payload = encodePayload({ agentId: world.agentId, hashAlg: "sha256" });
    expect(await refusalOf(attest([]), world)).toBe("INVALID_ARGUMENT missing attestation payload");
    expect(await refusalOf(attest([{ challengeResponse: payload }]), world)).toBe(
      "INVALID_ARGUMENT missing attestation payload",
    );
    expect(await refusalOf(attest([{ payload }]), world)).toBe("INVALID_ARGUMENT missing challenge response");
    expect(await refusalOf(attest([{ payload }, { payload }]), world)).toBe(
      "INVALID_ARGUMENT missing challenge response",
    );
  });

  it("ends an attestation that SPIRE gives up at any step, and stops asking", async () => {
    using driven = await driveServerHalf(world, world.serverData());
    const call = startSpireCall(driven.half.nodeAttestor.attest!);
    call.cancel();
    expect(await refusalOf(call.receive(), world)).toBe("CANCELLED the host cancelled the call");
    const later = startSpireCall(driven.half.nodeAttestor.attest!);
    later.send({ payload: encodePayload({ agentId: world.agentId, hashAlg: "sha256" }) });
    await later.receive();
    later.cancel();
    expect(await refusalOf(later.receive(), world)).toBe("CANCELLED the host cancelled the call");
  });

  it("gives up on a node that does not answer within attestation_timeout, and says so when SPIRE can hear it", async () => {
    using driven = await driveServerHalf(world, world.serverData({ attestation_timeout: "1s" }));
    const payload = encodePayload({ agentId: world.agentId, hashAlg: "sha256" });
    const [late, gone] = [0, 1].map(() => startSpireCall(driven.half.nodeAttestor.attest!));
    for (const call of [late!, gone!]) {
      call.send({ payload });
      await call.receive();
    }
    const timedOut = "the attestation was not complete after 1 s (attestation_timeout): the node had not answered";
    const hint = "look at the logs of the SPIRE agent and the Keylime agent on it";
    const told = () => driven.logs.filter(({ message }) => message.startsWith("Attestation refused"));
    await until(() => told().length === 2, { what: "both time-outs" });
    expect(told().at(-1)).toEqual({
      level: "warn",
      message: "Attestation refused, SPIRE hears it when the node answers the challenge",
      fields: { error: `${timedOut} [attestation-timeout]; ${hint}` },
    });
    late!.send({ challengeResponse: payload });
    expect(await refusalOf(late!.receive(), world)).toBe(
      `DEADLINE_EXCEEDED ${timedOut} [attestation-timeout]; ${hint}`,
    );
    gone!.cancel();
    expect(await refusalOf(gone!.receive(), world)).toMatch(/^DEADLINE_EXCEEDED /);
    expect(driven.metrics.map(({ labels }) => labels)).toEqual(
      ["attestation-timeout", "attestation-timeout"].map((outcome) => ({ outcome })),
    );
  });

  it.each(["verifier", "registrar"])(
    "names the %s that had not answered within attestation_timeout",
    async (service) => {
      await using hanging = await startMisbehavingServer({});
      const changes = { [`keylime_${service}_port`]: String(hanging.port), attestation_timeout: "1s" };
      using driven = await driveServerHalf(world, world.serverData(changes));
      expect(await refusalOf(driven.attest(), world)).toBe(
        `DEADLINE_EXCEEDED the attestation was not complete after 1 s (attestation_timeout): the Keylime ${service} had not answered [attestation-timeout]; look at its load and its log`,
      );
    },
  );
});

describe("Configure and Validate", () => {
  it("validate without a note what configure takes, and never use the network", async () => {
    await using listener = await startMisbehavingServer({});
    const hcl = world.serverData({
      keylime_verifier_port: String(listener.port),
      keylime_registrar_port: String(listener.port),
    });
    using driven = await driveServerHalf(world, hcl);
    expect(await driven.half.validate({ hcl, trustDomain: "example.org" })).toEqual([]);
    expect(listener.connections).toBe(0);
  });

  it("tell all that is wrong at once, each with its fault and its fix", async () => {
    const hcl = world.serverData({
      keylime_tls_client_certfile: "x",
      keylime_verifier_port: "70000",
      request_timeout: "soon",
      keylime_registrar_tls_cert_file: `${world.directory.path}/none.crt`,
    });
    using driven = await driveServerHalf(world, undefined);
    const wrong = [
      '[plugin-unknown-key] unknown key "keylime_tls_client_certfile" in the server plugin\'s plugin_data; did you mean keylime_tls_client_cert_file?',
      '[plugin-bad-value] keylime_verifier_port is "70000": it is no port number from 1 to 65535',
      '[plugin-bad-value] request_timeout is "soon": it must be a duration from 100ms to 5m00s, such as "10s"',
      '[plugin-missing-file] cannot load client certificate "DIR/none.crt" (keylime_registrar_tls_cert_file): no such file; create it, or correct keylime_registrar_tls_cert_file',
    ];
    const notes = await driven.half.validate({ hcl, trustDomain: "example.org" });
    expect(notes.map((note) => plainText(note, world))).toEqual(wrong);
    expect(await refusalOf(driven.configure(hcl), world)).toBe(
      `INVALID_ARGUMENT invalid configuration (4 problems): ${wrong.join("; ")}`,
    );
  });

  it("judge no default file as long as an unknown key may have been meant for it", async () => {
    using driven = await driveServerHalf(world, undefined);
    const hcl = world.serverData({ keylime_tls_cert_file: undefined, keylime_tls_crt_file: world.files.cert });
    expect(await driven.half.validate({ hcl, trustDomain: "example.org" })).toEqual([
      '[plugin-unknown-key] unknown key "keylime_tls_crt_file" in the server plugin\'s plugin_data; did you mean keylime_tls_cert_file?',
    ]);
  });

  it("tell every file that cannot be used at once", async () => {
    const { directory, pki } = world;
    const hcl = world.serverData({
      keylime_tls_ca_cert_file: await directory.write("empty.crt", ""),
      keylime_tls_key_file: await directory.write("other.key", pki.verifier.keyPem),
      keylime_registrar_tls_cert_file: `${directory.path}/none.crt`,
      keylime_registrar_tls_key_file: directory.path,
    });
    using driven = await driveServerHalf(world, undefined);
    const notes = await driven.half.validate({ hcl, trustDomain: "example.org" });
    expect(notes.map((note) => plainText(note, world))).toEqual([
      '[no-certificate] cannot load CA file "DIR/empty.crt" (keylime_tls_ca_cert_file): no certificate in the file: it is empty; is keylime_tls_ca_cert_file the right file?',
      '[key-mismatch] cannot load client key "DIR/other.key" (keylime_tls_key_file): it does not belong to the certificate CN=spire-server.keylime.funlab.casa in "DIR/plugin.crt" (keylime_tls_cert_file); configure the key the certificate was issued for',
      '[plugin-missing-file] cannot load client certificate "DIR/none.crt" (keylime_registrar_tls_cert_file): no such file; create it, or correct keylime_registrar_tls_cert_file',
      '[plugin-unreadable-file] cannot load client key "DIR" (keylime_registrar_tls_key_file): it is a directory; set keylime_registrar_tls_key_file to a regular file',
    ]);
    expect(await refusalOf(driven.configure(hcl), world)).toMatch(
      /^INVALID_ARGUMENT invalid configuration \(4 problems\): /,
    );
  });

  it("name for an encrypted key the one key that gives its password, whatever spelling the key file was given by", async () => {
    const { directory } = world;
    const cipher = { cipher: "aes-256-cbc", passphrase: "pass" };
    const encrypted = createPrivateKey(world.pki.plugin.keyPem).export({ type: "pkcs8", format: "pem", ...cipher });
    const file = await directory.write("encrypted.key", String(encrypted));
    const aliased = { keylime_tls_key_file: undefined, keylime_tls_client_key_file: file };
    using driven = await driveServerHalf(world, undefined);
    const hints = [aliased, { keylime_registrar_tls_key_file: file }].map(async (changes) => {
      const notes = await driven.half.validate({ hcl: world.serverData(changes), trustDomain: "example.org" });
      return notes.map((note) => note.replace(/^.*; /, ""));
    });
    expect(await Promise.all(hints)).toEqual([
      ["set keylime_tls_key_password_file, or store the key unencrypted with mode 0600"],
      ["set keylime_registrar_tls_key_password_file, or store the key unencrypted with mode 0600"],
    ]);
    const password = await directory.write("encrypted.password", "pass\n");
    await driven.configure(world.serverData({ ...aliased, keylime_tls_key_password_file: password }));
    await driven.attest();
    await driven.configure(
      world.serverData({
        keylime_registrar_tls_key_file: file,
        keylime_registrar_tls_key_password_file: password,
      }),
    );
    await driven.attest();
  });

  it("refuse a trust domain that no SPIFFE ID can have", async () => {
    using driven = await driveServerHalf(world, undefined);
    expect(await refusalOf(driven.configure(world.serverData(), "Not A Domain"), world)).toBe(
      'INVALID_ARGUMENT invalid configuration: [spire-trust-domain] cannot use "Not A Domain" as trust domain: it may hold lower-case letters, digits, dots, dashes and underscores',
    );
  });

  it("keep the configuration in force when a new one is refused", async () => {
    using driven = await driveServerHalf(world, world.serverData());
    await expect(driven.configure("nonsense = 1")).rejects.toThrow("plugin-unknown-key");
    await driven.attest();
  });

  it("swap the configuration while attestations run: each ends with the one it began with", async () => {
    using driven = await driveServerHalf(world, world.serverData());
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const running = driven.attest({
      quote: async (nonce) => {
        await held;
        return world.tpm.quote({ nonce, pcrMask: 0 });
      },
    });
    for (const path of ["one", "two"]) {
      await driven.configure(world.serverData({ agent_path_template: `${path}/{{ .UUID }}` }));
    }
    const [next] = await Promise.all([driven.attest(), driven.configure(world.serverData()), driven.attest()]);
    release();
    expect([(await running).spiffeId, next.spiffeId]).toEqual([
      `spiffe://example.org/spire/agent/keylime/${world.agentId}`,
      `spiffe://example.org/spire/agent/two/${world.agentId}`,
    ]);
  });
});

async function withEntry(changes: object, work: () => Promise<void>): Promise<void> {
  const before = world.verifier.agent(world.agentId)!;
  world.verifier.changeAgent(world.agentId, changes);
  try {
    await work();
  } finally {
    world.verifier.changeAgent(world.agentId, before);
  }
}
