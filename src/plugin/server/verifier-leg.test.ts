import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KeylimeWorld, type PluginValues, startKeylimeWorld } from "../../../test/fakes/keylime-world.js";
import { misbehaviours, startMisbehavingServer } from "../../../test/fakes/misbehaving-server.js";
import { type DrivenServerHalf, driveServerHalf, refusalOf } from "../../../test/fakes/server-half-driver.js";
import { systemClock } from "../../core/clock.js";
import { silentLogger } from "../../core/logger.js";
import type { IssuedCertificate } from "../../peers/pki/authority.js";
import { encodePayload } from "../../spire/exchange.js";
import { answerTo } from "../shared/refusal.js";
import { attestNode } from "./attest.js";
import { checkServerConfiguration, startServerRuntime } from "./runtime.js";

let world: KeylimeWorld;
beforeAll(async () => {
  world = await startKeylimeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

async function refusalWith(changes: PluginValues): Promise<string> {
  using driven = await driveServerHalf(world, world.serverData(changes));
  const refusal = await refusalOf(driven.attest(), world);
  expect(refusal).not.toMatch(/[\r\n]|\n\s+at /);
  return refusal;
}

/** Client files of a certificate; the chain is what the test says. */
async function presenting({ subject, keyPem }: IssuedCertificate, certPem: string): Promise<PluginValues> {
  const { directory } = world;
  const name = subject.replaceAll(/\W+/g, "-");
  return {
    keylime_tls_cert_file: await directory.write(`${name}.crt`, certPem),
    keylime_tls_key_file: await directory.write(`${name}.key`, keyPem),
  };
}

describe("a verifier that refuses the client certificate", () => {
  it("for its missing clientAuth is told as cert-no-client-auth", async () => {
    const own = await world.pki.issue({ commonName: "server only", eku: ["serverAuth"] });
    expect(await refusalWith(await presenting(own, own.chainPem))).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime verifier at 127.0.0.1:VERIFIER found that our certificate is not meant for this use (its extended key usage) (unsupported_certificate, 43); presented: CN=server only, issued by CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US (and 1 above it), from "DIR/CN-server-only.crt" (keylime_tls_cert_file); likeliest fault cert-no-client-auth: the client certificate's extended key usage lacks clientAuth; issue a certificate with the extended key usage clientAuth"`,
    );
  });

  it("for its age is told as cert-expired, and Configure only logs it", async () => {
    const own = await world.pki.issue({
      commonName: "old",
      eku: ["clientAuth"],
      notBefore: new Date("2020-01-01"),
      notAfter: new Date("2020-01-02"),
    });
    const changes = await presenting(own, own.chainPem);
    expect(await refusalWith(changes)).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime verifier at 127.0.0.1:VERIFIER found our certificate expired (certificate_expired, 45); presented: CN=old, issued by CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US (and 1 above it), from "DIR/CN-old.crt" (keylime_tls_cert_file); likeliest fault cert-expired: a certificate has expired; renew it: CN=old expired at 2020-01-02T00:00:00Z"`,
    );
    using driven = await driveServerHalf(world, world.serverData(changes));
    expect(driven.logs.map(({ level, fields }) => [level, fields.code])).toEqual([
      ["error", "cert-expired"],
      ["info", undefined],
    ]);
    expect(await driven.half.validate({ hcl: world.serverData(changes), trustDomain: "example.org" })).toEqual([]);
  });

  it("for a leaf without its intermediate is told as cert-chain-incomplete where the verifier trusts the root only", async () => {
    await using rootOnly = await startKeylimeWorld({ enrolled: false });
    rootOnly.verifier.rotateTls({
      certPem: rootOnly.pki.verifier.chainPem,
      keyPem: rootOnly.pki.verifier.keyPem,
      trustedClientCaPem: rootOnly.pki.root.certPem,
    });
    const hcl = rootOnly.serverData({
      keylime_tls_ca_cert_file: await rootOnly.directory.write("root.crt", rootOnly.pki.root.certPem),
      keylime_tls_cert_file: await rootOnly.directory.write("leaf.crt", rootOnly.pki.plugin.certPem),
    });
    using driven = await driveServerHalf(rootOnly, hcl);
    expect(await refusalOf(driven.attest(), rootOnly)).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime verifier at 127.0.0.1:VERIFIER did not recognise the CA that issued our certificate (unknown_ca, 48); presented: CN=spire-server.keylime.funlab.casa, issued by CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US (and nothing above it), from "DIR/leaf.crt" (keylime_tls_cert_file); likeliest fault cert-chain-incomplete: the presented certificate file lacks the intermediate, and the peer trusts only the root; append the intermediate CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US to DIR/leaf.crt, or let the peer trust it"`,
    );
    // With the intermediate in the CA file OpenSSL sends it, and the verifier has no reason to refuse.
    await driven.configure(rootOnly.serverData({ keylime_tls_cert_file: rootOnly.directory.file("leaf.crt") }));
    expect(await refusalOf(driven.attest(), rootOnly)).toMatch(/\[agent-not-enrolled\]/);
  });

  it("of another CA is told as ca-wrong", async () => {
    const { client } = world.pki.cvCa;
    expect(await refusalWith(await presenting(client, client.chainPem))).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime verifier at 127.0.0.1:VERIFIER did not recognise the CA that issued our certificate (unknown_ca, 48); presented: OU=53, O=Keylime, L=Lexington, ST=MA, CN=client, C=US, issued by OU=53, O=Keylime, L=Lexington, ST=MA, CN=Keylime Certificate Authority, C=US (and nothing above it), from "DIR/C-US-CN-client-ST-MA-L-Lexington-O-Keylime-OU-53.crt" (keylime_tls_cert_file); likeliest fault ca-wrong: the trust file never signed the peer's certificate; add the CA OU=53, O=Keylime, L=Lexington, ST=MA, CN=Keylime Certificate Authority, C=US to its trusted_client_ca, or present a certificate that it trusts"`,
    );
  });

  it("of its own CA is told as verifier-trust-empty", async () => {
    await using empty = await startKeylimeWorld({ enrolled: false });
    empty.verifier.rotateTls({
      certPem: empty.pki.verifier.chainPem,
      keyPem: empty.pki.verifier.keyPem,
      trustedClientCaPem: empty.pki.cvCa.ca.certPem,
    });
    using driven = await driveServerHalf(empty, empty.serverData());
    expect(await refusalOf(driven.attest(), empty)).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime verifier at 127.0.0.1:VERIFIER did not recognise the CA that issued our certificate (unknown_ca, 48); presented: CN=spire-server.keylime.funlab.casa, issued by CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US (and 1 above it), from "DIR/plugin.crt" (keylime_tls_cert_file); likeliest fault verifier-trust-empty: the verifier has no trust anchor for client certificates, so it refuses every one; does its trusted_client_ca name a file that ends in the root? it was read when the service started"`,
    );
  });

  it("that nobody configured is told as plugin-default-cert", async () => {
    const { server } = world.pki.cvCa;
    const hcl = world.serverData(await presenting(server, server.chainPem));
    const { settings, identities } = checkServerConfiguration({ hcl, trustDomain: "example.org" }, systemClock);
    // The default's path is below /var/lib/keylime; what counts is that it was left at the default.
    const defaults = new Map(
      [...identities].map(([key, { files, identity }]) => {
        const asDefault = { ...files, cert: { ...files.cert!, isDefault: true } };
        return [key, { files: asDefault, identity: { ...identity, files: asDefault } }];
      }),
    );
    const runtime = startServerRuntime("example.org", settings!, defaults, {
      clock: systemClock,
      logger: silentLogger,
      userAgent: "test",
    });
    const exchange = {
      signal: new AbortController().signal,
      waitsFor: () => {},
      receivePayload: async () => encodePayload({ agentId: world.agentId, hashAlg: "sha256" }),
      // Read only once the standing is good.
      challenge: async () => async () => Buffer.alloc(0),
    };
    const refused = attestNode(exchange, runtime, systemClock).catch((error) => {
      throw answerTo(error);
    });
    const refusal = await refusalOf(refused, world);
    expect(refusal).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime verifier at 127.0.0.1:VERIFIER did not recognise the CA that issued our certificate (unknown_ca, 48); presented: OU=53, O=Keylime, L=Lexington, ST=MA, CN=server, C=US, issued by OU=53, O=Keylime, L=Lexington, ST=MA, CN=Keylime Certificate Authority, C=US (and nothing above it), from "DIR/C-US-CN-server-ST-MA-L-Lexington-O-Keylime-OU-53.crt" (default of keylime_tls_cert_file); likeliest fault plugin-default-cert: no client certificate is configured, so the plugin's default one is presented; set keylime_tls_cert_file to a certificate the peer trusts"`,
    );
    runtime.close();
    const shown = refusal
      .replace("UNAVAILABLE ", "nodeattestor(keylime): ")
      .replace(":VERIFIER", ":8881")
      .replace(/"DIR\/[^"]+"/, '"/var/lib/keylime/cv_ca/server-cert.crt"');
    const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
    expect(readme.replaceAll(/\s+/g, " ")).toContain(shown);
  });
});

describe("a verifier that is not who it should be", () => {
  it("for the CA file is told as ca-wrong", async () => {
    const changes = { keylime_tls_ca_cert_file: await world.directory.write("cv.crt", world.pki.cvCa.ca.certPem) };
    expect(await refusalWith(changes)).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime verifier at 127.0.0.1:VERIFIER presented a certificate that CA file "DIR/cv.crt" (keylime_tls_ca_cert_file) does not vouch for (unable to get local issuer certificate); it presented CN=verifier.keylime.funlab.casa, issued by CN=Book of Omens, OU=Tower of Omens, O=Funlab.Casa, C=US; the file holds OU=53, O=Keylime, L=Lexington, ST=MA, CN=Keylime Certificate Authority, C=US [ca-wrong]; configure a CA file that holds the root CN=Eye of Thundera in keylime_tls_ca_cert_file"`,
    );
  });

  it("for its name is told as verifier-name-mismatch, with the names it has", async () => {
    expect(await refusalWith({ keylime_verifier_server_name: "other.example.org" })).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime verifier at 127.0.0.1:VERIFIER presented a certificate that does not carry the name other.example.org; its names: DNS:verifier.keylime.funlab.casa, DNS:verifier.funlab.casa, DNS:localhost, IP:127.0.0.1 [verifier-name-mismatch]; set keylime_verifier_server_name to one of its names"`,
    );
    using named = await driveServerHalf(
      world,
      world.serverData({ keylime_verifier_server_name: "verifier.keylime.funlab.casa" }),
    );
    await named.attest();
  });

  it("but the registrar is told as verifier-is-registrar", async () => {
    const port = String(world.registrar.httpsAddress.port);
    expect(await refusalWith({ keylime_verifier_port: port })).toMatchInlineSnapshot(
      `"FAILED_PRECONDITION cannot read agent UUID: a Keylime registrar listens there; the Keylime verifier answered status 200: Success (GET https://127.0.0.1:REGISTRAR/v2.6/agents/UUID) [verifier-is-registrar]; point keylime_verifier_port at the verifier's port, 8881 by default"`,
    );
  });

  it("but a port of plain HTTP is told as verifier-not-tls", async () => {
    const port = String(world.registrar.httpAddress.port);
    expect(await refusalWith({ keylime_verifier_port: port })).toMatchInlineSnapshot(
      `"UNAVAILABLE the Keylime verifier at 127.0.0.1:PORT closed the connection during the TLS handshake, before it showed a certificate [verifier-not-tls]; does that port speak TLS?"`,
    );
  });
});

describe("a verifier that does not answer", () => {
  it("because nobody listens is UNAVAILABLE", async () => {
    await using server = await startMisbehavingServer({});
    const port = String(server.port);
    await server[Symbol.asyncDispose]();
    expect(await refusalWith({ keylime_verifier_port: port })).toMatchInlineSnapshot(
      `"UNAVAILABLE cannot reach the Keylime verifier at 127.0.0.1:PORT: connection refused [verifier-unreachable]; start the verifier, or correct keylime_verifier_host and keylime_verifier_port"`,
    );
  });

  it.each([
    ["before the handshake", false, "during the TLS handshake"],
    ["after the request", true, "waiting for the answer"],
  ])("is DEADLINE_EXCEEDED within request_timeout, hanging %s", async (_name, tls, stage) => {
    const { chainPem, keyPem } = world.pki.verifier;
    await using server = await startMisbehavingServer({
      ...(tls ? { tls: { cert: chainPem, key: keyPem } } : {}),
      onRequest: misbehaviours["says nothing"],
    });
    const startMs = performance.now();
    expect(await refusalWith({ keylime_verifier_port: String(server.port), request_timeout: "400ms" })).toBe(
      `DEADLINE_EXCEEDED the Keylime verifier at 127.0.0.1:PORT did not answer within 400ms (${stage}) [verifier-unreachable]; start the verifier, or correct keylime_verifier_host and keylime_verifier_port`,
    );
    expect(performance.now() - startMs).toBeLessThan(1500);
  });

  it.each(Object.keys(misbehaviours) as (keyof typeof misbehaviours)[])(
    "properly is answered with a proper status when it %s",
    async (name) => {
      const { chainPem, keyPem } = world.pki.verifier;
      await using server = await startMisbehavingServer({
        tls: { cert: chainPem, key: keyPem },
        onRequest: misbehaviours[name],
      });
      expect(await refusalWith({ keylime_verifier_port: String(server.port), request_timeout: "400ms" })).toMatch(
        /^(UNAVAILABLE|DEADLINE_EXCEEDED) (cannot|the Keylime verifier at)/,
      );
    },
  );
});

describe("API versions", () => {
  it("of a verifier that only speaks 2.1 are told as verifier-api-version", async () => {
    await using old = await startKeylimeWorld({ enrolled: false, verifier: { apiVersions: ["2.0", "2.1"] } });
    using driven = await driveServerHalf(old, old.serverData());
    expect(await refusalOf(driven.attest(), old)).toMatchInlineSnapshot(
      `"FAILED_PRECONDITION the Keylime verifier at https://127.0.0.1:VERIFIER speaks no API version in common with this program: it offers 2.0, 2.1, wanted 2.2 to 2.6 [verifier-api-version]; upgrade Keylime to 7.11 or newer, its agent to 0.2.7 or newer"`,
    );
  });

  it.each(["2.2", "2.3", "2.4", "2.5", "2.6"])("%s alone is enough", async (version) => {
    await using only = await startKeylimeWorld({
      verifier: { apiVersions: ["2.1", version] },
      registrar: { apiVersions: ["2.1", version] },
    });
    using driven = await driveServerHalf(only, only.serverData());
    await driven.attest();
    using fixed = await driveServerHalf(only, only.serverData({ keylime_api_version: version }));
    await fixed.attest();
  });
});

describe("several verifiers", () => {
  it("are tried in turn: one that is down costs nothing but a log line", async () => {
    await using server = await startMisbehavingServer({});
    const down = `https://127.0.0.1:${server.port}`;
    await server[Symbol.asyncDispose]();
    const up = `https://127.0.0.1:${world.verifier.address.port}`;
    using driven: DrivenServerHalf = await driveServerHalf(
      world,
      world.serverData({ keylime_verifier_port: undefined, keylime_verifier_urls: [down, up] }),
    );
    await Promise.all(Array.from({ length: 8 }, () => driven.attest()));
    expect(driven.logs.filter(({ level }) => level === "error")).toEqual([]);
    expect(driven.logs.map(({ message }) => message)).toContain("Keylime verifier cannot be used, trying the next");
  });

  it("are each logged when none can be used, the last without the promise of another", async () => {
    const servers = await Promise.all([startMisbehavingServer({}), startMisbehavingServer({})]);
    const urls = servers.map(({ port }) => `https://127.0.0.1:${port}`);
    await Promise.all(servers.map((each) => each[Symbol.asyncDispose]()));
    const changes = { keylime_verifier_port: undefined, keylime_verifier_urls: urls };
    using driven = await driveServerHalf(world, world.serverData(changes));
    expect(await refusalOf(driven.attest(), world)).toMatchInlineSnapshot(
      `"UNAVAILABLE cannot reach the Keylime verifier at 127.0.0.1:PORT: connection refused; none of the 2 verifiers of keylime_verifier_urls can be used [verifier-unreachable]; start a verifier, or correct keylime_verifier_urls"`,
    );
    using one = await driveServerHalf(world, world.serverData({ ...changes, keylime_verifier_urls: urls.slice(1) }));
    expect(await refusalOf(one.attest(), world)).toBe(
      "UNAVAILABLE cannot reach the Keylime verifier at 127.0.0.1:PORT: connection refused [verifier-unreachable]; start a verifier, or correct keylime_verifier_urls",
    );
    const warnings = driven.logs.filter(({ level }) => level === "warn");
    expect(warnings.map(({ message }) => message)).toEqual([
      "Keylime verifier cannot be used, trying the next",
      "Keylime verifier cannot be used, and none is left to try",
    ]);
  });
});
