import { Problem } from "../../core/problem.js";
import { readCommentedOption } from "../../formats/ini/commented-option.js";
import type { IniDocument } from "../../formats/ini/document.js";
import { parseIni } from "../../formats/ini/parser.js";
import type {
  CommentedOut,
  ComponentConfig,
  ConfigFile,
  FileContent,
  IgnoredFile,
  IniComponent,
  SectionContent,
} from "./component-config.js";
import type { ConfigReader, FileText } from "./config-reader.js";

const defaultWorkDir = "/var/lib/keylime";

/**
 * Reads a component's configuration as Keylime's own `config.get_config` does (keylime 7.14.3 config.py): the file that
 * KEYLIME_<COMPONENT>_CONFIG names, alone; when that is absent, the first readable one of /etc/keylime and
 * /usr/etc/keylime and then every file of the .conf.d directories of /usr/etc and /etc, each sorted by name. Rejects
 * for no file.
 */
export async function loadComponentConfig(
  component: IniComponent,
  reader: ConfigReader,
  environment: Readonly<Record<string, string>> = {},
): Promise<ComponentConfig> {
  const ignored: IgnoredFile[] = [];
  const files = await filesOf(component, reader, environment, ignored);
  return { component, workDir: environment.KEYLIME_DIR ?? defaultWorkDir, files, ignored, environment };
}

async function filesOf(
  component: IniComponent,
  reader: ConfigReader,
  environment: Readonly<Record<string, string>>,
  ignored: IgnoredFile[],
): Promise<ConfigFile[]> {
  const variable = `KEYLIME_${component.toUpperCase()}_CONFIG`;
  const named = environment[variable];
  if (named !== undefined && named !== "") {
    const text = await reader.readFile(named);
    if (text.is !== "absent") return [configFile(named, "named by environment", text)];
    ignored.push({ path: named, reason: `${variable} names it, and there is no such file` });
  }
  return await installedFiles(component, reader, ignored);
}

async function installedFiles(
  component: IniComponent,
  reader: ConfigReader,
  ignored: IgnoredFile[],
): Promise<ConfigFile[]> {
  const paths = ["/etc/keylime", "/usr/etc/keylime"].map((directory) => `${directory}/${component}.conf`);
  const texts = await Promise.all(paths.map(async (path) => ({ path, text: await reader.readFile(path) })));
  const files: ConfigFile[] = [];
  for (const { path, text } of texts.filter(({ text: { is } }) => is !== "absent")) {
    const base = files.find(({ content }) => content.is !== "unreadable");
    if (base === undefined) files.push(configFile(path, "base", text));
    else ignored.push({ path, reason: `${base.path} is read in its place` });
  }
  const snippets = await snippetsOf(component, reader);
  if (files.some(({ content }) => content.is !== "unreadable")) return [...files, ...snippets];
  ignored.push(...snippets.map(({ path }) => ({ path, reason: `there is no ${paths.join(" or ")} that can be read` })));
  return files;
}

/** Every file counts, whatever its name: an editor's backup too. */
async function snippetsOf(component: IniComponent, reader: ConfigReader): Promise<ConfigFile[]> {
  const files: ConfigFile[] = [];
  for (const base of ["/usr/etc/keylime", "/etc/keylime"]) {
    const directory = `${base}/${component}.conf.d`;
    for (const name of [...(await reader.listFiles(directory))].sort(byCodePoint)) {
      const path = `${directory}/${name}`;
      files.push(configFile(path, "snippet", await reader.readFile(path)));
    }
  }
  return files;
}

function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function configFile(path: string, role: ConfigFile["role"], text: FileText): ConfigFile {
  if (text.is === "text") return { path, role, content: parse(path, text.text) };
  return { path, role, content: { is: "unreadable", reason: text.is === "absent" ? "no such file" : text.reason } };
}

function parse(path: string, text: string): FileContent {
  try {
    const document = parseIni(text, { file: path });
    return { is: "read", sections: document.sections.map(sectionContent), commented: commentedOut(document) };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const { message, at, hint } = error;
    const place = at === undefined ? {} : { line: at.line, column: at.column };
    return { is: "broken", message, ...place, ...(hint === undefined ? {} : { hint }) };
  }
}

function sectionContent({ name, nameSpan, options }: IniDocument["sections"][number]): SectionContent {
  return {
    name,
    line: nameSpan.line,
    options: options.map(({ name: option, value, key: { line, column } }) => ({ name: option, value, line, column })),
  };
}

function commentedOut(document: IniDocument): CommentedOut[] {
  return document.comments.flatMap((comment) => {
    const section = document.sections[comment.section]?.name;
    const option = readCommentedOption(document, comment);
    if (section === undefined || option === undefined) return [];
    const { line, column } = comment.span;
    return [{ section, name: option.name.toLowerCase(), value: option.value, line, column }];
  });
}
