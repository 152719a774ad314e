import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { errorText } from "../../../core/problem.js";
import { editHcl } from "../../../formats/hcl/edit.js";
import { parseHcl } from "../../../formats/hcl/parser.js";
import type { HandshakeStory } from "../../../peers/tls-server/story.js";
import { type RunningHalf, startHalf } from "../../../rehearse/half.js";
import { encodePayload } from "../../../spire/exchange.js";
import { loadPluginData, loadSpireConf, nodeAttestorOf } from "../../../spire/spire-conf.js";
import { certificateFacts } from "../../../x509/certificate.js";
import type { DoctorOptions } from "../../options.js";
import { type Fact, known, unknown } from "../fact.js";
import type { Facts } from "../facts.js";
import { pluginOf } from "../spire/plugin-of.js";
import type { RehearsalFacts } from "./rehearsal-facts.js";
import { startVerifierStandIn } from "./verifier-stand-in.js";

const source = "rehearsal";
const startTimeoutMs = 5000;
const handshakeTimeoutMs = 5000;
/** The handshake and the end of a process are noticed a moment after the stream's end. */
const noticeMs = 300;

/** The keys that say where the verifier is. */
const addressKeys = ["keylime_verifier_host", "keylime_verifier_port"];

/**
 * Starts the configured server plugin as SPIRE would, with a listener of the doctor in the verifier's place, and looks what it
 * presents there. Only when asked for: it runs the operator's program. A plugin that verifies its verifier presents
 * nothing to a stand-in.
 */
export async function gatherRehearsal(
  { spireServer, scope }: Pick<Facts, "spireServer" | "scope">,
  options: DoctorOptions,
): Promise<Fact<RehearsalFacts>> {
  const plugin = pluginOf(spireServer);
  if (options.rehearse !== true) return unknown("the plugin was not started (--rehearse)", source);
  if (scope.root !== undefined) return unknown("the plugin of a copied machine is not started here", source);
  if (!spireServer.known || plugin === undefined)
    return unknown("no server.conf with Keylime's plugin was read", source);
  if (plugin.kind === "ours")
    return unknown(
      "this program's own plugin presents what its configuration names, to a verifier that it trusts",
      source,
    );
  try {
    return known(await rehearse(spireServer.value.file, options), source);
  } catch (error) {
    return unknown(errorText(error), source);
  }
}

async function rehearse(file: string, { pluginName, expandEnv, signal }: DoctorOptions): Promise<RehearsalFacts> {
  const conf = await loadSpireConf(file, expandEnv === undefined ? {} : { expandEnv });
  const block = nodeAttestorOf(conf, pluginName);
  await using standIn = await startVerifierStandIn();
  const command = block.command!.value;
  const args = block.args;
  const half = await startHalf(
    "server",
    { name: block.name, command, args, data: pointedAt(await loadPluginData(block), standIn.port) },
    {
      trustDomain: conf.trustDomain?.value ?? "example.org",
      startTimeoutMs,
      onLog: () => {},
      ...(signal === undefined ? {} : { signal }),
    },
  );
  try {
    const story = await handshakeOf(half, standIn.handshake);
    return { command: [command, ...args].join(" "), presented: (story.clientCertificates ?? []).map(presentedOf) };
  } finally {
    await half.unload();
  }
}

/** The plugin_data with the verifier's address replaced, in whatever case the keys are written. */
function pointedAt(data: string, port: number): string {
  const document = parseHcl(data, { printedBySpire: true });
  const addresses = document.items.filter(({ keys }) => addressKeys.includes(keys[0].name.toLowerCase()));
  const rest = editHcl(
    document,
    addresses.map((remove) => ({ remove })),
  );
  return `${rest.trimEnd()}\nkeylime_verifier_host = "127.0.0.1"\nkeylime_verifier_port = "${port}"\n`;
}

/** An attestation of a node that nobody knows brings the plugin to ask its verifier. */
async function handshakeOf(half: RunningHalf, handshake: Promise<HandshakeStory>): Promise<HandshakeStory> {
  const stream = half.plugin.attestServer({ metadata: {} });
  const refused = stream
    .send({ payload: encodePayload({ agentId: randomUUID(), hashAlg: "sha256" }) })
    .then(() => stream.receive())
    // Its refusal comes after the handshake, which has the say; without one it is the reason.
    .then(
      () => "it ended the attestation without asking the verifier",
      (error: unknown) => errorText(error),
    )
    .then(async (reason) => {
      await pause(noticeMs);
      const end = half.ended();
      throw new Error(`the plugin asked no verifier: ${end === undefined ? reason : `its process ended with ${end}`}`);
    });
  const late = new AbortController();
  const timeout = pause(handshakeTimeoutMs, undefined, { signal: late.signal }).then(() => {
    throw new Error(`the plugin asked no verifier within ${handshakeTimeoutMs} ms`);
  });
  for (const each of [refused, timeout]) each.catch(() => {});
  try {
    return await Promise.race([handshake, refused, timeout]);
  } finally {
    late.abort();
    stream.cancel();
  }
}

function presentedOf(certificate: NonNullable<HandshakeStory["clientCertificates"]>[number]) {
  const { subject, issuer, serial, sha256 } = certificateFacts(certificate);
  return { subject, issuer, serial, sha256 };
}
