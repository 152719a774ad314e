import type {
  ComponentConfig,
  OptionContent,
  OptionSource,
  SectionContent,
  SettledOption,
} from "./component-config.js";

/**
 * The value of an option as Keylime's `config.get` returns it (keylime 7.14.3 config.py), and who says so: the
 * environment before the files, a later file before an earlier one, [DEFAULT] last. Undefined where it has its
 * fallback: no source sets it, or no file has the section at all. The section is the component's own without.
 */
export function settleOption(config: ComponentConfig, name: string, section?: string): SettledOption | undefined {
  const option = name.toLowerCase();
  const found = [
    ...fromEnvironment(config, option, section),
    ...fromFiles(config, option, section ?? config.component),
  ];
  const [first, ...overrides] = found;
  if (first === undefined) return undefined;
  return { name: option, section: section ?? config.component, ...first, overrides };
}

/** Whether any file that is read has the section; Keylime stops at the first list it wants from one that is missing. */
export function hasSection(config: ComponentConfig, section: string = config.component): boolean {
  return sectionsOf(config).some(({ content }) => content.name === section);
}

/** The first place where an option stands behind a comment sign in the section that Keylime reads. */
export function commentedOption(
  { component, files }: ComponentConfig,
  name: string,
): (OptionContent & { file: string }) | undefined {
  return files
    .flatMap(({ path, content }) =>
      content.is === "read" ? content.commented.map((one) => ({ ...one, file: path })) : [],
    )
    .find((one) => one.section === component && one.name === name);
}

interface Said {
  value: string;
  source: OptionSource;
}

function fromEnvironment({ component, environment }: ComponentConfig, option: string, section?: string): Said[] {
  const parts = [component, ...(section === undefined ? [] : [section]), option];
  const variable = `KEYLIME_${parts.map((part) => part.toUpperCase()).join("_")}`;
  const value = environment[variable];
  return value === undefined ? [] : [{ value: stripped(value), source: { kind: "environment", variable } }];
}

function fromFiles(config: ComponentConfig, option: string, section: string): Said[] {
  if (!hasSection(config, section)) return [];
  return [section, "DEFAULT"].flatMap((wanted) =>
    sectionsOf(config)
      .filter(({ content }) => content.name === wanted)
      .flatMap(({ file, content }) =>
        content.options.filter(({ name }) => name === option).map((one) => ({ file, one })),
      )
      .map(({ file, one: { value, line, column } }): Said => {
        return { value: stripped(value), source: { kind: "file", file, line, column } };
      })
      .reverse(),
  );
}

function sectionsOf({ files }: ComponentConfig): { file: string; content: SectionContent }[] {
  return files.flatMap(({ path, content }) =>
    content.is === "read" ? content.sections.map((section) => ({ file: path, content: section })) : [],
  );
}

/** Python's `.strip('" ')`. */
function stripped(value: string): string {
  return value.replace(/^[" ]+/, "").replace(/[" ]+$/, "");
}
