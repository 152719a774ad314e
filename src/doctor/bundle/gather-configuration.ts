import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Facts } from "../facts/facts.js";
import type { Machine } from "../facts/machine.js";
import type { DoctorOptions } from "../options.js";
import { redactHcl } from "./redact-hcl.js";
import { redactLines } from "./redact-lines.js";

export interface BundledFile {
  /** As the examined machine names it. */
  path: string;
  /** Without secrets; undefined when it could not be read. */
  text?: string;
  /** Why there is no text. */
  reason?: string;
}

const components = ["verifier", "registrar", "tenant", "agent"] as const;

/** Every configuration file that counts, without its secrets; files that are not there are left out. */
export async function gatherConfiguration(
  machine: Machine,
  facts: Facts,
  options: DoctorOptions,
): Promise<BundledFile[]> {
  const spire = [facts.spireServer, facts.spireAgent].filter((fact) => fact.known).map(({ value }) => value.file);
  const keylime = await keylimeFiles(machine, options);
  const read = [
    ...[...new Set(spire)].map((path) => bundled(machine, path, redactHcl)),
    ...keylime.map((path) => bundled(machine, path, redactLines)),
  ];
  return (await Promise.all(read)).filter(({ reason }) => reason !== "no such file");
}

async function bundled(machine: Machine, path: string, redact: (text: string) => string): Promise<BundledFile> {
  const text = await machine.readText(path);
  return text.known ? { path, text: redact(text.value) } : { path, reason: text.reason };
}

async function keylimeFiles(machine: Machine, options: DoctorOptions): Promise<string[]> {
  const named = [options.verifierConfig, options.registrarConfig, options.tenantConfig, options.keylimeAgentConfig];
  const usual = ["/etc/keylime", "/usr/etc/keylime"].flatMap((folder) =>
    components.map((component) => join(folder, `${component}.conf`)),
  );
  const snippets = await Promise.all(usual.map((file) => filesIn(machine, `${file}.d`)));
  return [...new Set([...named.filter((path) => path !== undefined), ...usual, ...snippets.flat()])];
}

async function filesIn(machine: Machine, folder: string): Promise<string[]> {
  const names = await readdir(machine.locate(folder)).catch(() => []);
  return names.sort().map((name) => join(folder, name));
}
