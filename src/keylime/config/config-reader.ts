/** How the files of the examined machine are read; every path is absolute and one of that machine. */
export interface ConfigReader {
  readFile(path: string): Promise<FileText>;
  /** Names of the regular files of a directory, in any order; none when there is no such directory. */
  listFiles(directory: string): Promise<readonly string[]>;
}

export type FileText = { is: "text"; text: string } | { is: "absent" } | { is: "unreadable"; reason: string };
