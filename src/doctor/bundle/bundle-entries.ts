import type { Facts } from "../facts/facts.js";
import type { BundledFile } from "./gather-configuration.js";
import { withoutKeys } from "./secret-text.js";

export interface BundleEntry {
  /** Inside the archive. */
  name: string;
  text: string;
}

/** What a support case needs, apart from the report: the facts, the configuration, and the certificates without any key. */
export function bundleEntries(facts: Facts, configuration: readonly BundledFile[]): BundleEntry[] {
  const unread = configuration.filter(({ text }) => text === undefined);
  return [
    { name: "facts.json", text: withoutKeys(`${JSON.stringify(facts, undefined, 2)}\n`) },
    ...configuration.flatMap(({ path, text }) =>
      text === undefined ? [] : [{ name: `configuration${path}`, text: withoutKeys(text) }],
    ),
    ...certificateEntries(facts),
    ...(unread.length === 0
      ? []
      : [{ name: "not-read.txt", text: unread.map(({ path, reason }) => `${path}: ${reason}\n`).join("") }]),
  ];
}

/** Certificates are written anew from what was understood of a file, so that nothing else of it gets in. */
function certificateEntries({ files }: Facts): BundleEntry[] {
  return files.flatMap(({ path, content }) => {
    const certificates = content.known ? content.value.certificates : [];
    return certificates.length === 0 ? [] : [{ name: `certificates${path}`, text: certificates.map(pem).join("") }];
  });
}

function pem({ der }: { der: string }): string {
  return `-----BEGIN CERTIFICATE-----\n${der.match(/.{1,64}/g)?.join("\n")}\n-----END CERTIFICATE-----\n`;
}
