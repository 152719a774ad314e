import type { Fact } from "../fact.js";
import type { ServiceName } from "./program.js";

/** A running service, as far as this user may look at it. */
export interface ProcessFacts {
  service: ServiceName;
  pid: number;
  parentPid: number;
  /** A process of the same service started it: one of the verifier's or registrar's workers. */
  isWorker: boolean;
  /** Whole hundredths of a second; the system's own grain. */
  startedMs: number;
  /** Of the files it opens: the effective user and its groups. */
  uid: number;
  gid: number;
  groups: readonly number[];
  /** Undefined when /etc/passwd does not name the uid. */
  user: string | undefined;
  /** Values that may be secret are replaced. */
  command: readonly string[];
  /** The program that runs, links followed: of a script its interpreter. */
  executable: Fact<string>;
  /** The KEYLIME_* variables it was started with. */
  environment: Fact<Readonly<Record<string, string>>>;
  /** Where relative paths of its configuration start. */
  workingDirectory: Fact<string>;
  /** Configuration files that it holds open at the moment; most services close them once they are read. */
  openConfiguration: Fact<readonly string[]>;
  /** Addresses it listens on. */
  listens: Fact<readonly ListeningAddress[]>;
}

export interface ListeningAddress {
  /** `0.0.0.0` and `::` stand for every address of the machine. */
  address: string;
  port: number;
}
