import { attestThrough, ourHalf } from "../halves.js";
import { writeWhole } from "../lab-files.js";
import type { Scene, Stage } from "../stage.js";
import { waitFor } from "../wait-for.js";
import { presentedSerial, tellHandshakes } from "../wire.js";

/** The client certificate is renewed on disk; the plugin process goes on and presents the new one. */
export const rotateWhileRunning: Scene = {
  title: "The certificate is renewed while everything runs",
  async play(stage) {
    const { world, tell } = stage;
    const { files, pki } = world;
    const [server, agent] = [await ourHalf(stage, "server"), await ourHalf(stage, "agent")];
    const pid = server.plugin.pid;
    const renewed = await pki.issue({
      commonName: "verifier.keylime.funlab.casa",
      dnsNames: ["verifier.keylime.funlab.casa"],
      eku: ["clientAuth"],
    });
    // Two files cannot change in one step: between these lines the pair on disk does not match, and must not be used.
    await writeWhole(files.verifierKey, renewed.keyPem, 0o600);
    await writeWhole(files.verifierCert, renewed.chainPem);
    tell({ type: "step", text: `new certificate and key written to ${files.verifierCert} and ${files.verifierKey}` });
    world.takeHandshakes();
    const story = await waitFor("the plugin to present the new certificate", () => attestAgain(stage), {
      signal: stage.signal,
    });
    tellHandshakes([story], "plugin → verifier", tell);
    const attestation = await attestThrough(stage, server, agent);
    const same = server.ended() === undefined && server.plugin.pid === pid;
    return {
      asExpected: attestation.result !== undefined && same,
      text:
        attestation.result === undefined
          ? (attestation.failure?.message ?? "no answer")
          : `attested again; the same plugin process (${pid}) presented serial ${presentedSerial(story)}`,
    };
  },
};

/** One attestation; its handshake, when it made a new one. */
async function attestAgain(stage: Stage) {
  await attestQuietly(stage);
  return stage.world.takeHandshakes().find((story) => presentedSerial(story) !== undefined);
}

async function attestQuietly(stage: Stage): Promise<void> {
  const quiet: Stage = { ...stage, tell: () => {} };
  await attestThrough(quiet, await ourHalf(stage, "server"), await ourHalf(stage, "agent"));
}
