import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../core/logger.js";
import type { FieldReportPki } from "../../peers/pki/field-report-pki.js";
import { startRealKeylime } from "../../peers/real/keylime.js";
import { startVerifier } from "../../peers/verifier/verifier.js";
import type { MatrixRow } from "./matrix-rows.js";

/** A verifier that runs for one row, or why there is none. */
export type RowVerifier = { port: number; stop(): Promise<void> } | { failure: string };

/** Starts the verifier of a row. */
export type StartVerifier = (row: MatrixRow) => Promise<RowVerifier>;

export function embeddedVerifiers(pki: FieldReportPki): StartVerifier {
  return async ({ anchors }) => {
    if (anchors === undefined)
      return { failure: "the embedded verifier reads no configuration: played by the real one only" };
    const { certPem, keyPem } = { certPem: pki.verifier.chainPem, keyPem: pki.verifier.keyPem };
    const verifier = await startVerifier({
      host: "127.0.0.1",
      port: 0,
      tls: { certPem, keyPem, trustedClientCaPem: anchors(pki) },
      clientTls: { certPem, keyPem },
      logger: silentLogger,
    });
    return { port: verifier.address.port, stop: () => verifier.stop() };
  };
}

/** `program` is the path of keylime_verifier. */
export function realVerifiers(pki: FieldReportPki, program: string, signal?: AbortSignal): StartVerifier {
  return async ({ value, section }) => {
    const dir = await mkdtemp(join(tmpdir(), "spire-keylime-matrix-"));
    const remove = () => rm(dir, { recursive: true, force: true, maxRetries: 5 });
    try {
      const keylime = await startRealKeylime({
        dir,
        pki,
        programs: { verifier: program, registrar: program },
        registrar: false,
        trustedClientCa: value,
        ...(section === undefined ? {} : { verifierSection: section }),
        ...(signal === undefined ? {} : { signal }),
      });
      return {
        port: keylime.ports.verifier,
        async stop() {
          await keylime.stop();
          await remove();
        },
      };
    } catch (error) {
      await remove();
      if (signal?.aborted) throw error;
      return { failure: pythonError(error instanceof Error ? error.message : String(error)) };
    }
  };
}

/** The exception that ended Keylime, the last line of its stack trace; the start of the whole text when there is none. */
function pythonError(text: string): string {
  const last = [...text.matchAll(/^(?:\w+\.)*(\w+Error: .*)$/gm)].at(-1)?.[1];
  return (last ?? text.replaceAll(/\s+/g, " ")).slice(0, 300);
}
