import { randomUUID } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import * as z from "zod";
import { errorText, Problem } from "../../core/problem.js";
import { digestSize, type HashName, hashNames } from "../../formats/tpm/algorithms.js";
import { pcrCount } from "./pcr-banks.js";

const bankOf = (hash: HashName) => z.array(z.hex().length(digestSize(hash) * 2)).length(pcrCount);

const stateSchema = z.strictObject({
  format: z.literal("spire-keylime software tpm 1"),
  ekPrivatePem: z.string(),
  akPrivatePem: z.string(),
  akHash: z.enum(hashNames),
  /** Base64 DER. */
  ekCertificate: z.base64().optional(),
  /** When the clock stood at zero, in Unix time: the clock goes on while nobody runs this TPM. */
  clockZeroUnixMs: z.number().int(),
  /** The last clock value that was given out. */
  lastClockMs: z.number().int().nonnegative(),
  resetCount: z.number().int().nonnegative(),
  restartCount: z.number().int().nonnegative(),
  pcrs: z.strictObject({
    sha1: bankOf("sha1"),
    sha256: bankOf("sha256"),
    sha384: bankOf("sha384"),
    sha512: bankOf("sha512"),
  }),
});

/** All that a software TPM is, private keys included. */
export type TpmState = z.infer<typeof stateSchema>;

export const stateFormat = "spire-keylime software tpm 1";

/** Replaces the file in one step, readable by its owner only. */
export async function saveTpmState(file: string, state: TpmState): Promise<void> {
  const fresh = `${file}.${randomUUID()}`;
  await writeFile(fresh, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  await rename(fresh, file);
}

/** Throws a `Problem` (`tpm-state`) for a file that cannot be read or is no state of a software TPM. */
export async function loadTpmState(file: string): Promise<TpmState> {
  try {
    return stateSchema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (cause) {
    // What the parsers say may quote the file, and the file holds private keys.
    const why = cause instanceof z.ZodError || cause instanceof SyntaxError ? "it is no such state" : errorText(cause);
    throw new Problem("tpm-state", `cannot load the software TPM's state "${file}": ${why}`, {
      culprit: "configuration",
    });
  }
}
