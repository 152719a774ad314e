import { readFile } from "node:fs/promises";
import { adminCall } from "../admin.js";
import { attestThrough, ourHalf, startHalfOf } from "../halves.js";
import { labRootVariable } from "../imitated-go-plugin.js";
import { type Scene, type Stage, verifierUrl } from "../stage.js";
import { tellHandshakes } from "../wire.js";

const reported = "remote error: tls: unknown certificate authority";

/** The report's configuration, with a plugin that behaves as the one it was written for: keys it does not know vanish. */
export const failAsReported: Scene = {
  title: "The field report's configuration fails",
  async play(stage) {
    const { world, tell } = stage;
    await tellConfiguration(stage);
    await tellOperatorsTests(stage);
    tell({ type: "step", text: "SPIRE's view: the server plugin is loaded and configured without a word" });
    const imitation = await startHalfOf(stage, "server", ["lab", "imitate-go-plugin"], {
      ...process.env,
      [labRootVariable]: world.files.root,
    });
    try {
      world.takeHandshakes();
      const attestation = await attestThrough(stage, imitation, await ourHalf(stage, "agent"));
      tellHandshakes(world.takeHandshakes(), "plugin → verifier", tell);
      const message = attestation.failure?.message ?? "it attested";
      return { asExpected: message.includes(reported), text: `nodeattestor(keylime): ${message}` };
    } finally {
      await imitation.unload();
    }
  },
};

async function tellConfiguration({ world: { files }, tell }: Stage): Promise<void> {
  const lines = (await readFile(files.serverConf, "utf8")).split("\n");
  const shown = lines
    .map((text, index) => ({ number: index + 1, text, ...markOf(text) }))
    .filter(({ text }) => text.includes("keylime_"));
  tell({ type: "file", path: files.serverConf, lines: shown });
}

function markOf(text: string): { mark?: string } {
  if (!text.includes("keylime_tls_client_")) return {};
  return { mark: "a key the Go plugin does not know: dropped, the default file is used" };
}

/** The report's tests 2 and 3, which work and so mislead. */
async function tellOperatorsTests({ world, tell }: Stage): Promise<void> {
  const url = `${verifierUrl(world)}/v2.2/agents/test`;
  for (const withCertificate of [false, true]) {
    const { status, body } = await adminCall(world.files, url, { withCertificate });
    const presenting = withCertificate ? world.files.verifierCert : "no certificate";
    tell({ type: "call", call: `GET ${url}`, presenting, answer: `${status} ${JSON.stringify(body)}` });
  }
}
