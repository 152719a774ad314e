import { Problem } from "../core/problem.js";
import { captureCode } from "../formats/pcap/capture-problem.js";
import { CaptureReader } from "../formats/pcap/capture-reader.js";
import type { Connection } from "./connection.js";
import type { KeyLog } from "./key-log.js";
import { CertificateCache } from "./presented-certificate.js";
import type { TracedConnection, TraceTotals } from "./report-schema.js";
import { tellConnection } from "./tell-connection.js";
import { Tracer } from "./tracer.js";

export interface TraceOptions {
  keyLog?: KeyLog;
  port?: number;
  /** 4 or 16 bytes. */
  address?: Buffer;
  /** Told connection by connection, in the order they end. */
  onConnection(connection: TracedConnection): void;
}

/** Takes a capture piece by piece and tells its TLS connections. Memory does not grow with the capture. */
export class CaptureTrace {
  readonly #options: TraceOptions;
  readonly #tracer: Tracer;
  readonly #reader: CaptureReader;
  readonly #certificates = new CertificateCache();
  #tls = 0;
  #others = 0;
  #refused = 0;
  /** What ended the reading before the end of the file. */
  #damage: Problem | undefined;

  constructor(options: TraceOptions) {
    this.#options = options;
    const { keyLog, port, address } = options;
    this.#tracer = new Tracer({
      onConnection: (connection) => this.#onConnection(connection),
      ...(keyLog && { keyLog }),
      ...(port !== undefined && { port }),
      ...(address && { address }),
    });
    this.#reader = new CaptureReader(this.#tracer);
  }

  /** The capture is damaged from here on: nothing more is read of it. */
  get isDamaged(): boolean {
    return this.#damage !== undefined;
  }

  /** A buffer to read the file's next bytes into, and how many arrived. */
  space(): Buffer {
    return this.#reader.space();
  }

  /** Throws `capture-malformed` when the bytes are no capture at all. */
  filled(length: number): void {
    this.#guarded(() => this.#reader.filled(length));
  }

  push(chunk: Buffer): void {
    this.#guarded(() => this.#reader.push(chunk));
  }

  /** Live captures: connections that ended are told by the clock, when no packet comes to do it. */
  tick(nowMs: number): void {
    this.#tracer.sweep(nowMs);
  }

  /** The end of the file: tells what is still open. Throws when the file held less than a header. */
  finish(): { totals: TraceTotals; problems: string[] } {
    const truncation = this.#damage === undefined ? this.#reader.end() : undefined;
    if (truncation !== undefined && !this.#reader.isRecognised) throw truncation;
    this.#tracer.finish();
    const problems = [...this.#tracer.problems, this.#damage, truncation].flatMap((each) => each?.message ?? []);
    return { totals: this.#totals(), problems };
  }

  #guarded(read: () => void): void {
    if (this.#damage !== undefined) return;
    try {
      read();
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== captureCode || !this.#reader.isRecognised) throw error;
      this.#damage = error;
    }
  }

  #onConnection(connection: Connection): void {
    if (!connection.isTls) {
      this.#others++;
      return;
    }
    const told = tellConnection(connection, this.#certificates);
    this.#tls++;
    if (told.outcome === "refused") this.#refused++;
    this.#options.onConnection(told);
  }

  #totals(): TraceTotals {
    const { counts, evicted, keyLog } = this.#tracer;
    return {
      packets: counts.packets,
      tcp_segments: counts.segments,
      other_packets: counts.other,
      fragments: counts.fragments,
      malformed_packets: counts.malformed,
      unknown_link_packets: counts.unknownLink,
      cut_packets: counts.cut,
      tls_connections: this.#tls,
      other_connections: this.#others,
      refused: this.#refused,
      told_early: evicted,
      key_log_connections: keyLog.connections,
    };
  }
}
