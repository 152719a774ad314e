import { until } from "../../peers/real/until.js";
import { readCertificate } from "../../x509/certificate.js";
import { writeWhole } from "../lab-files.js";
import type { StoryEvent, Tell } from "../report-schema.js";
import type { Scene } from "../scene.js";
import type { World } from "../world.js";

/** A name that the old certificate does not carry: some verifiers tell only the name of who came. */
const renewedName = "renewed.verifier.keylime.funlab.casa";

type LogEvent = Extract<StoryEvent, { type: "log" }>;

/** The client certificate is renewed on disk; the plugin process goes on and presents the new one. */
export const rotateWhileRunning: Scene = {
  title: "The certificate is renewed while everything runs",
  async play(stage) {
    const { world, tell } = stage;
    const pid = world.spire.serverPluginPid();
    const serial = await renew(world);
    tell({ type: "step", text: `renewed on disk: ${world.files.verifierCert}, CN=${renewedName}, serial ${serial}` });
    const logs = new GatheredLogs(tell);
    const attempt = await until(() => attestAgain(world, serial, logs), {
      what: "the plugin to present the new certificate",
      timeoutMs: 30_000,
      intervalMs: 25,
      signal: stage.signal,
    }).finally(() => logs.tellOnce());
    for (const event of attempt.events) tell(event);
    const same = pid !== undefined && world.spire.serverPluginPid() === pid;
    const { spiffeId, failure } = attempt;
    if (spiffeId === undefined) return { asExpected: false, text: failure?.message ?? "no answer" };
    return {
      asExpected: same,
      text: `attested again as ${spiffeId}`,
      why: `${attempt.evidence}; ${same ? `the plugin is still process ${pid}` : "the plugin was restarted"}`,
    };
  },
};

/** Returns the new certificate's serial. */
async function renew({ pki, files }: World): Promise<string> {
  const renewed = await pki.issue({
    commonName: renewedName,
    dnsNames: ["verifier.keylime.funlab.casa", "verifier.funlab.casa", "localhost"],
    ipAddresses: ["127.0.0.1"],
    eku: ["serverAuth", "clientAuth"],
  });
  // Two files cannot change in one step: between these lines the pair on disk does not match, and must not be used.
  await writeWhole(files.verifierKey, renewed.keyPem, 0o600);
  await writeWhole(files.verifierCert, renewed.chainPem);
  return readCertificate(renewed.certDer).serial;
}

/** One attestation and what it showed; undefined when the old certificate was presented still. */
async function attestAgain(world: World, serial: string, logs: GatheredLogs) {
  const events: StoryEvent[] = [];
  const attestation = await world.spire.attest((event) => {
    if (event.type === "log") logs.add(event);
    // The plugins' messages are those of the scene before.
    else if (event.type !== "exchange") events.push(event);
  });
  const evidence = world.presented({ commonName: renewedName, serial });
  return evidence === undefined ? undefined : { ...attestation, evidence, events };
}

/** What was logged over several attempts: a line that every one of them brings is told once, where it came last. */
class GatheredLogs {
  #gathered: LogEvent[] | undefined = [];

  constructor(private readonly tell: Tell) {}

  add(line: LogEvent): void {
    if (this.#gathered === undefined) this.tell(line);
    else this.#gathered.push(line);
  }

  /** What comes afterwards is told as it comes. */
  tellOnce(): void {
    const lines = new Map<string, LogEvent>();
    for (const line of this.#gathered ?? []) {
      const key = `${line.source} ${line.text}`;
      lines.delete(key);
      lines.set(key, line);
    }
    this.#gathered = undefined;
    for (const line of lines.values()) this.tell(line);
  }
}
