import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { packTar } from "modern-tar";
import type { BundleEntry } from "../../doctor/bundle/bundle-entries.js";

const folder = "spire-keylime-bundle";

/** A gzipped tar archive with everything below one folder. */
export async function packBundle(entries: readonly BundleEntry[], atMs: number): Promise<Buffer> {
  const files = entries.map(({ name, text }) => {
    const body = Buffer.from(text);
    const header = {
      name: `${folder}/${name}`,
      size: body.length,
      mode: 0o600,
      mtime: new Date(atMs),
      type: "file" as const,
    };
    return { header, body };
  });
  return await promisify(gzip)(await packTar(files));
}

/** What is in a bundle, a line for each file. */
export function bundleListing(entries: readonly BundleEntry[]): string {
  return entries.map(({ name, text }) => `  ${String(Buffer.byteLength(text)).padStart(8)}  ${name}\n`).join("");
}
