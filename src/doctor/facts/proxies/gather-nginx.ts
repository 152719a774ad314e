import { readdir } from "node:fs/promises";
import { posix } from "node:path";
import { errorText, Problem } from "../../../core/problem.js";
import { type NginxDirective, parseNginx } from "../../../formats/nginx/parser.js";
import { type Fact, known, unknown } from "../fact.js";
import type { Machine } from "../machine.js";
import { nginxProxies, type PlacedDirective } from "./nginx-proxies.js";
import type { ProxyFacts } from "./proxy-facts.js";

const base = "/etc/nginx/nginx.conf";
const mostFiles = 200;

/** What nginx passes on over TLS, as its configuration says; unknown where there is none or it cannot be read. */
export async function gatherNginx(machine: Machine): Promise<Fact<readonly ProxyFacts[]>> {
  if (!(await machine.hasFile(base))) return unknown("there is no nginx.conf", base);
  const reader = new NginxReader(machine);
  try {
    return known(nginxProxies(await reader.read(base)), base);
  } catch (error) {
    return unknown(errorText(error), reader.file);
  }
}

/** Reads a configuration with what it includes; a file that cannot be read stops it, as it stops nginx. */
class NginxReader {
  /** The one that is being read. */
  file = base;
  private files = 0;

  constructor(private readonly machine: Machine) {}

  async read(file: string): Promise<PlacedDirective[]> {
    this.file = file;
    if (++this.files > mostFiles) throw new Error(`more than ${mostFiles} files are included`);
    const text = await this.machine.readText(file);
    if (!text.known) throw new Error(text.reason);
    return await this.placed(parsed(text.value), file);
  }

  private async placed(directives: readonly NginxDirective[], file: string): Promise<PlacedDirective[]> {
    const found: PlacedDirective[] = [];
    for (const directive of directives) {
      const [pattern] = directive.args;
      if (directive.name === "include" && pattern !== undefined) {
        for (const included of await this.matching(posix.resolve(posix.dirname(base), pattern)))
          found.push(...(await this.read(included)));
      } else {
        found.push({ ...directive, file, inner: await this.placed(directive.block ?? [], file) });
      }
    }
    return found;
  }

  /** Wildcards in the last part of the path, which is where they stand in practice. */
  private async matching(path: string): Promise<string[]> {
    if (!path.includes("*")) return [path];
    const directory = posix.dirname(path);
    const parts = posix
      .basename(path)
      .split("*")
      .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
    const wanted = new RegExp(`^${parts.join(".*")}$`);
    const names = await readdir(this.machine.locate(directory)).catch(() => []);
    return names
      .filter((name) => wanted.test(name))
      .sort()
      .map((name) => posix.join(directory, name));
  }
}

function parsed(text: string): NginxDirective[] {
  try {
    return parseNginx(text);
  } catch (error) {
    if (error instanceof Problem && error.at !== undefined) throw new Error(`line ${error.at.line}: ${error.message}`);
    throw error;
  }
}
