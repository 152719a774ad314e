import { statSync } from "node:fs";
import type { Clock } from "../core/clock.js";
import { isoTime } from "../core/iso-time.js";
import type { Logger } from "../core/logger.js";
import { type Problem, positionText } from "../core/problem.js";
import type { CertificateFacts } from "../x509/certificate.js";
import { DirectoryWatch } from "./directory-watch.js";
import { fingerprintFiles, type Identity, type IdentityAnswer, type IdentityFiles, loadIdentity } from "./identity.js";
import { identityWarnings, type LastingWarning } from "./identity-warnings.js";

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
  /** How long a broken set must stay the same before it is logged; 1 s by default: writers replace one file at a time. */
  settleMs?: number;
}

const leastLookGapMs = 1000;
const eventDelayMs = 50;
/** Within this time of a change the same size and time stamp may hide another one: kernels stamp in ticks. */
const stampDoubtMs = 2000;
const attemptsPerLook = 3;

/** An identity that follows its files. A set that is broken or half-written leaves the old one in force. */
export class ReloadingIdentity implements IdentitySource {
  private identity: Identity;
  private seenStamp: string | undefined;
  private lastLookMs = Number.NEGATIVE_INFINITY;
  private broken: { answer: IdentityAnswer; sinceMs: number; logged: boolean } | undefined;
  private readonly warned = new Set<string>();
  private readonly poll: NodeJS.Timeout;
  private readonly watch: DirectoryWatch;
  private eventTimer: NodeJS.Timeout | undefined;
  private settleTimer: NodeJS.Timeout | undefined;
  private closed = false;

  /** `first` is what loadIdentity returned for the same files. */
  constructor(
    private readonly files: IdentityFiles,
    first: Identity,
    private readonly options: ReloadingOptions,
  ) {
    this.identity = first;
    // Whoever loaded the first set has logged these.
    for (const { id } of identityWarnings(files, first, options.clock.nowMs())) this.warned.add(id);
    this.poll = setInterval(() => this.look(), options.pollMs ?? 10_000).unref();
    this.watch = new DirectoryWatch(
      namedFiles(files).map(({ path }) => path),
      () => this.lookSoon(),
    );
    // The files may have changed between the load and this line; their contents are compared at the first look.
    this.lookSoon();
  }

  current(): Identity {
    return this.identity;
  }

  checkNow(): Identity {
    const sinceMs = this.options.clock.nowMs() - this.lastLookMs;
    // A clock that was set back must not stop the looking.
    if (sinceMs >= leastLookGapMs || sinceMs < 0) this.look();
    return this.identity;
  }

  /** Stops looking at the files. */
  close(): void {
    this.closed = true;
    clearInterval(this.poll);
    clearTimeout(this.eventTimer);
    clearTimeout(this.settleTimer);
    this.watch.close();
  }

  private lookSoon(): void {
    if (this.closed || this.eventTimer !== undefined) return;
    this.eventTimer = setTimeout(() => {
      this.eventTimer = undefined;
      this.look();
    }, eventDelayMs).unref();
  }

  private look(): void {
    if (this.closed) return;
    this.lastLookMs = this.options.clock.nowMs();
    const stamp = stampOf(this.files);
    if (stamp.text !== this.seenStamp || this.broken !== undefined) this.load();
    this.logWarnings(identityWarnings(this.files, this.identity, this.lastLookMs));
  }

  private load(): void {
    for (let attempt = 0; attempt < attemptsPerLook; attempt++) {
      const before = stampOf(this.files);
      const answer = this.answerFor(fingerprintFiles(this.files));
      // Files that change while they are read belong to two generations.
      if (stampOf(this.files).text !== before.text) continue;
      const isCertain = this.lastLookMs - before.newestMs > stampDoubtMs;
      this.seenStamp = isCertain ? before.text : undefined;
      this.take(answer);
      return;
    }
    this.lookSoon();
  }

  /** Undefined for the contents in force; contents that were judged already are not judged again. */
  private answerFor(fingerprint: string): IdentityAnswer | undefined {
    if (fingerprint === this.identity.fingerprint) return undefined;
    if (fingerprint === this.broken?.answer.fingerprint) return this.broken.answer;
    return loadIdentity(this.files, this.lastLookMs);
  }

  private take(answer: IdentityAnswer | undefined): void {
    if (answer !== undefined && answer.identity === undefined) {
      this.keepOld(answer);
      return;
    }
    this.broken = undefined;
    if (answer?.identity === undefined || answer.fingerprint === this.identity.fingerprint) return;
    const old = this.identity;
    this.identity = Object.freeze({ ...answer.identity, generation: old.generation + 1 });
    this.warned.clear();
    this.watch.refresh();
    this.logTaken(old);
    this.logWarnings(answer.warnings);
  }

  private keepOld(answer: IdentityAnswer): void {
    const { settleMs = 1000 } = this.options;
    if (this.broken?.answer.fingerprint !== answer.fingerprint) {
      this.broken = { answer, sinceMs: this.lastLookMs, logged: false };
    }
    if (!this.broken.logged && this.lastLookMs - this.broken.sinceMs >= settleMs) {
      this.broken.logged = true;
      for (const problem of answer.problems)
        this.log("error", "New certificate files are not usable, keeping the old", problem);
    }
    clearTimeout(this.settleTimer);
    if (!this.broken.logged) this.settleTimer = setTimeout(() => this.look(), settleMs).unref();
  }

  /** Says what is new: the certificates presented, the ones trusted, or both; neither when only a key file was rewritten. */
  private logTaken(old: Identity): void {
    const { generation, chain, trusted } = this.identity;
    const leaf = chain[0];
    if (leaf !== undefined && !isSameList(chain, old.chain)) {
      this.options.logger.log("info", "Took new client certificate", {
        subject: leaf.subject,
        serial: leaf.serial,
        not_after: isoTime(leaf.notAfterMs),
        generation,
      });
    }
    if (isSameList(trusted, old.trusted)) return;
    this.options.logger.log("info", "Took new CA file", {
      subjects: trusted.map(({ subject }) => subject).join("; "),
      not_after: isoTime(Math.min(...trusted.map(({ notAfterMs }) => notAfterMs))),
      generation,
    });
  }

  private logWarnings(warnings: readonly LastingWarning[]): void {
    for (const { level, problem, id } of warnings) {
      if (this.warned.has(id)) continue;
      this.warned.add(id);
      this.log(level, "Certificate needs attention", problem);
    }
  }

  private log(level: "error" | "warn", message: string, { code, message: error, hint, at }: Problem): void {
    this.options.logger.log(level, message, { fault: code, error, hint, at: at && positionText(at) });
  }
}

const isSameList = (one: readonly CertificateFacts[], other: readonly CertificateFacts[]): boolean =>
  one.length === other.length && one.every(({ sha256 }, index) => sha256 === other[index]!.sha256);

function namedFiles({ ca, cert, key, keyPassword }: IdentityFiles) {
  return [ca, cert, key, keyPassword].filter((each) => each !== undefined);
}

/** What stat says of the files behind all links: a renamed link shows as another inode. */
function stampOf(files: IdentityFiles): { text: string; newestMs: number } {
  let newestMs = 0;
  const parts = namedFiles(files).map(({ path }) => {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = statSync(path, { bigint: true });
      newestMs = Math.max(newestMs, Number(ctimeMs));
      return [dev, ino, size, mtimeNs, ctimeNs].join(".");
    } catch (thrown) {
      return String((thrown as NodeJS.ErrnoException).code);
    }
  });
  return { text: parts.join(" "), newestMs };
}
