/** The services that read INI. */
export type IniComponent = "verifier" | "registrar" | "tenant";

/** A component's configuration as its service reads it: plain data, what each file holds and in which order they win. */
export interface ComponentConfig {
  component: IniComponent;
  /** KEYLIME_DIR, else /var/lib/keylime. */
  workDir: string;
  /** In the order they are read; a later one wins. */
  files: readonly ConfigFile[];
  /** Files beside them that are not read, and why. */
  ignored: readonly IgnoredFile[];
  /** The KEYLIME_* variables of the service. */
  environment: Readonly<Record<string, string>>;
}

export interface ConfigFile {
  path: string;
  /** Why it is read. */
  role: "named by environment" | "base" | "snippet";
  content: FileContent;
}

export type FileContent =
  | { is: "read"; sections: readonly SectionContent[]; commented: readonly CommentedOut[] }
  /** The service logs it and goes on without the file. */
  | { is: "unreadable"; reason: string }
  /** The service does not start. */
  | { is: "broken"; message: string; line?: number; column?: number; hint?: string };

export interface SectionContent {
  name: string;
  line: number;
  options: readonly OptionContent[];
}

export interface OptionContent {
  /** In lower case. */
  name: string;
  /** As configparser gives it. */
  value: string;
  line: number;
  column: number;
}

/** An option that stands behind a comment sign. */
export interface CommentedOut extends OptionContent {
  section: string;
}

export interface IgnoredFile {
  path: string;
  reason: string;
}

/** Which source has the last word on an option, and whom it overrules. */
export interface SettledOption {
  name: string;
  section: string;
  /** As Keylime uses it: without quotes and blanks at its ends. */
  value: string;
  source: OptionSource;
  /** What the other sources say, the next in rank first. */
  overrides: readonly { value: string; source: OptionSource }[];
}

export type OptionSource =
  | { kind: "file"; file: string; line: number; column: number }
  | { kind: "environment"; variable: string };

/** `file:line`, or the variable's name. */
export function sourceText(source: OptionSource): string {
  return source.kind === "file" ? `${source.file}:${source.line}` : `environment variable ${source.variable}`;
}
