import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { httpsRequest } from "../../peers/real/https-request.js";
import { goPluginKeys } from "../../spire/schema.js";
import { readCertificate } from "../../x509/certificate.js";
import { commonName } from "../common-name.js";
import type { Scene, Stage } from "../scene.js";
import type { World } from "../world.js";

const reported = "remote error: tls: unknown certificate authority";

/** The report's configuration, with a plugin that behaves as the one it was written for: keys it does not know vanish. */
export const failAsReported: Scene = {
  title: "The field report's configuration fails",
  async play(stage) {
    const { world, tell } = stage;
    await world.spire.loadServer(tell);
    const { failure } = await world.spire.attest(tell);
    await tellConfiguration(stage);
    await tellOperatorsTests(stage);
    if (failure === undefined) return { asExpected: false, text: "it attested" };
    if (!failure.message.includes(reported)) return { asExpected: false, text: failure.message };
    return { asExpected: true, text: `refused, as in the field report: ${reported}`, why: await whyRefused(world) };
  },
};

async function tellConfiguration({ world: { files }, tell }: Stage): Promise<void> {
  const path = files.spireServer.configFile;
  const lines = (await readFile(path, "utf8")).split("\n");
  const shown = lines
    .map((text, index) => ({ number: index + 1, text, ...markOf(text) }))
    .filter(({ text }) => /^\s*(plugin_cmd|keylime_)/.test(text));
  tell({ type: "file", path, lines: shown });
}

/** The key of the line, when the Go plugin drops it. */
function droppedKey(line: string): string | undefined {
  const key = /^\s*(keylime_\w+)\s*=/.exec(line)?.[1];
  return key !== undefined && !(key in goPluginKeys.server) && !key.startsWith("keylime_registrar_") ? key : undefined;
}

function markOf(line: string): { mark?: string } {
  const key = droppedKey(line);
  if (key === undefined) return {};
  return { mark: `the Go plugin knows ${key.replace("_client_", "_")} only: this line is dropped without a word` };
}

/** The report's tests 2 and 3, which work and so mislead. */
async function tellOperatorsTests({ world: { files, pki, ports }, tell }: Stage): Promise<void> {
  const url = `https://127.0.0.1:${ports.verifier}/v2.2/agents/test`;
  const identity = { certPem: pki.verifier.chainPem, keyPem: pki.verifier.keyPem };
  tell({ type: "step", text: "the report's own tests with curl, which are answered all the same:" });
  for (const presenting of [null, files.verifierCert]) {
    const answer = await httpsRequest(url, {
      caPem: pki.caCompleteChainPem,
      ...(presenting === null ? {} : { identity }),
    });
    tell({ type: "call", call: `GET ${url}`, presenting, answer: `${answer.status} ${JSON.stringify(answer.json)}` });
  }
}

async function whyRefused({ files }: World): Promise<string> {
  const presented = join(files.cvCa, "server-cert.crt");
  const [own, trusted] = [readCertificate(await readFile(presented)), readCertificate(await readFile(files.caFile))];
  return `it presented its default, ${presented}, issued by ${commonName(own.issuer)}; the verifier trusts what ${commonName(trusted.subject)} issued`;
}
