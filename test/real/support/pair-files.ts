import { fieldReportPki } from "../../../src/peers/pki/field-report-pki.js";
import type { TemporaryDirectory } from "../../support/temporary-directory.js";

/** A server's pair, the plugin's and one of another CA as `NAME.crt` and `NAME.key`, and the trust file `ca.crt`. */
export async function writePairs(files: TemporaryDirectory): Promise<void> {
  const pki = await fieldReportPki();
  const pairs = { server: pki.verifier, plugin: pki.plugin, foreign: pki.cvCa.client };
  for (const [name, { chainPem, keyPem }] of Object.entries(pairs)) {
    await files.write(`${name}.crt`, chainPem);
    await files.write(`${name}.key`, keyPem);
  }
  await files.write("ca.crt", pki.caCompleteChainPem);
}
