import { X509Certificate } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRootCa, type IssuedCertificate } from "../../src/peers/pki/authority.js";
import { StatusCode } from "../../src/plugin-sdk/index.js";
import { relayAttestation } from "../../src/rehearse/relay.js";
import { certificateFacts } from "../../src/x509/certificate.js";
import { type KeylimeWorld, startKeylimeWorld } from "../fakes/keylime-world.js";
import { until } from "../support/until.js";
import { type LoadedHalf, loadHalf } from "./plugin-halves.js";

const swaps = 100;
const inFlight = 8;

let world: KeylimeWorld;
let server: LoadedHalf;
let agent: LoadedHalf;
let serverCa: string;
/** Serials of the client certificates that the verifier's port saw. */
let presented: Set<string>;
let load: { attested: number; failures: string[]; stop(): Promise<void> };

beforeEach(async () => {
  presented = new Set();
  world = await startKeylimeWorld({
    verifier: {
      onHandshake: ({ outcome, clientCertificates }) => {
        const [leaf] = clientCertificates ?? [];
        if (outcome === "completed" && leaf !== undefined) presented.add(certificateFacts(leaf).serial);
      },
    },
  });
  const { directory, pki } = world;
  serverCa = await directory.write("server-ca.crt", pki.caCompleteChainPem);
  server = await loadHalf("server", {
    data: world.serverData({ keylime_tls_ca_cert_file: serverCa }),
    directory: directory.path,
  });
  agent = await loadHalf("agent", { data: world.agentData(), directory: directory.path });
  load = keepAttesting();
  await attested(inFlight);
});
afterEach(async () => {
  await load.stop();
  await server[Symbol.asyncDispose]();
  await agent[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

describe("with attestations always in flight", () => {
  it("no attestation fails while the certificate is swapped a hundred times, each one is used", async () => {
    const certificates = await Promise.all(Array.from({ length: swaps }, (_, number) => issue(`swap ${number}`)));
    for (const [number, certificate] of certificates.entries()) {
      await swapWays[number % swapWays.length]!(certificate);
      await taken(certificate);
    }
    await attested(inFlight);
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.attested).toBeGreaterThan(swaps);
    for (const certificate of certificates) expect(presented).toContain(serialOf(certificate));
    expect(unexpectedErrors()).toEqual([]);
    process.stderr.write(`${swaps} swaps, ${load.attested} attestations, none failed\n`);
  }, 300_000);

  it.each<[string, string, () => Promise<void>]>([
    ["a certificate without its key", "plugin-missing-file", async () => rm(world.files.key)],
    [
      "the key of another certificate",
      "key-mismatch",
      async () => writeWhole(world.files.key, (await issue("another")).keyPem),
    ],
    [
      "a certificate cut in the middle",
      "pem-damaged",
      async () => writeFile(world.files.cert, world.pki.plugin.chainPem.slice(0, 900)),
    ],
    ["an empty certificate file", "no-certificate", async () => writeFile(world.files.cert, "")],
    ["a CA file without certificates", "no-certificate", async () => writeFile(world.files.ca, "CA\n")],
  ])("%s is never used and logged once", async (_name, fault, breakFiles) => {
    const isCaFile = _name.includes("CA file");
    await breakFiles();
    const halves = isCaFile ? [agent] : [server, agent];
    for (const half of halves) await until(() => faultsOf(half).length > 0, { what: "the broken files to be logged" });
    // The files are looked at again with the next requests, once a second.
    await pause(2500);
    await attested(inFlight);
    for (const half of halves) expect(faultsOf(half)).toEqual([fault]);
    const next = await issue("after");
    await writeWhole(world.files.ca, world.pki.caCompleteChainPem);
    await writePair(next);
    await taken(next);
    await attested(inFlight);
    await load.stop();
    expect(load.failures).toEqual([]);
    for (const half of halves) expect(faultsOf(half)).toEqual([fault]);
  });

  it("no attestation fails while Keylime's services move to another CA, with both in the file between", async () => {
    const { pki, verifier, registrar } = world;
    const next = await createRootCa({ commonName: "Third Earth" });
    const loopback = { dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], eku: ["serverAuth"] as const };
    const serve = async (name: string) => {
      const { chainPem, keyPem } = await next.issue({ commonName: name, ...loopback });
      return { certPem: chainPem, keyPem, trustedClientCaPem: pki.caCompleteChainPem };
    };
    const generationOf = () => Number(tookLines(server).at(-1)?.generation ?? 1);
    const writeCa = async (text: string) => {
      const before = generationOf();
      await writeWhole(serverCa, text);
      await until(() => generationOf() > before, { what: "the CA file to be taken" });
    };
    await writeCa(pki.caCompleteChainPem + next.certPem);
    verifier.rotateTls(await serve("verifier"));
    registrar.rotateTls(await serve("registrar"));
    await attested(inFlight);
    await writeCa(next.certPem);
    await attested(inFlight);
    await load.stop();
    expect(load.failures).toEqual([]);
    // The new services are really in use: with the old CA file they are not trusted.
    await writeCa(pki.caCompleteChainPem);
    const { failure } = await attestOnce();
    expect(failure?.message).toMatch(/\[ca-wrong\]/);
  });
});

function keepAttesting(): typeof load {
  const running = { attested: 0, failures: [] as string[] };
  let stopped = false;
  const worker = async () => {
    while (!stopped) {
      const { failure } = await attestOnce();
      if (failure === undefined) running.attested++;
      else running.failures.push(`${StatusCode[failure.code]} ${failure.half} ${failure.message}`);
      if (running.failures.length > 20) stopped = true;
    }
  };
  const workers = Promise.all(Array.from({ length: inFlight }, worker));
  return Object.assign(running, {
    async stop() {
      stopped = true;
      await workers;
    },
  });
}

function attestOnce() {
  return relayAttestation({
    server: server.running,
    agent: agent.running,
    timeoutMs: 30_000,
    keepMessages: false,
  });
}

/** Waits for so many more attestations. */
async function attested(count: number): Promise<void> {
  const before = load.attested;
  await until(() => load.attested >= before + count || load.failures.length > 0, {
    what: `${count} more attestations`,
    timeoutMs: 30_000,
    intervalMs: 5,
  });
}

function issue(commonName: string): Promise<IssuedCertificate> {
  return world.pki.issue({ commonName, eku: ["clientAuth"] });
}

function serialOf({ certDer }: IssuedCertificate): string {
  return certificateFacts(new X509Certificate(certDer)).serial;
}

/** Both halves have taken it, and the verifier has seen it. */
async function taken(certificate: IssuedCertificate): Promise<void> {
  const serial = serialOf(certificate);
  const isTaken = () =>
    [server, agent].every((half) => tookLines(half).some((fields) => fields.serial === serial)) &&
    presented.has(serial);
  await until(isTaken, { what: `certificate ${serial} to be used`, timeoutMs: 60_000, intervalMs: 5 });
}

const tookLines = ({ logs }: LoadedHalf) =>
  logs.filter(({ message }) => message.startsWith("Took new")).map(({ fields }) => fields);

const notUsable = "New certificate files are not usable, keeping the old";
const faultsOf = ({ logs }: LoadedHalf) =>
  logs.filter(({ message }) => message === notUsable).map(({ fields }) => fields.fault);
/** A half-written set that stays for a second on a busy machine is logged, and rightly. */
const unexpectedErrors = () =>
  [...server.logs, ...agent.logs].filter(({ level, message }) => level === "error" && message !== notUsable);

async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

async function writePair({ chainPem, keyPem }: IssuedCertificate): Promise<void> {
  await writeWhole(world.files.key, keyPem);
  await writeWhole(world.files.cert, chainPem);
}

/** How writers replace a pair, the bad ones too. */
const swapWays: ((next: IssuedCertificate) => Promise<void>)[] = [
  writePair,
  async ({ chainPem, keyPem }) => {
    await writeWhole(world.files.cert, chainPem);
    await pause(80);
    await writeWhole(world.files.key, keyPem);
  },
  async ({ chainPem, keyPem }) => {
    await rm(world.files.key);
    await writeFile(world.files.cert, chainPem);
    await pause(80);
    await writeFile(world.files.key, keyPem, { mode: 0o600 });
  },
  async ({ chainPem, keyPem }) => {
    await writeFile(world.files.cert, chainPem.slice(0, chainPem.length / 2));
    await pause(80);
    await writeFile(world.files.cert, chainPem);
    await writeFile(world.files.key, keyPem);
  },
  async ({ chainPem, keyPem }) => {
    await writeFile(world.files.cert, keyPem);
    await writeFile(world.files.key, "garbage");
    await pause(80);
    await writeFile(world.files.key, keyPem);
    await writeFile(world.files.cert, chainPem);
  },
];
