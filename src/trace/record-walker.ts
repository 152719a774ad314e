import { headerBytes } from "../tls/record.js";

/** Where the walk over one direction's records reports. */
export interface RecordReceiver {
  /**
   * A record's header. Answers whether the body is wanted: unwanted bodies are stepped over without being copied, and
   * `onRecord` follows with no body as soon as the header is known.
   */
  wantsBody(type: number, length: number): boolean;
  /** `body` is a view that holds until the call returns. */
  onRecord(type: number, version: number, length: number, body: Buffer | undefined): void;
  /** The bytes at the start of a record are not one. */
  onNoRecord(header: Buffer): void;
}

const maxBodyBytes = 0x4800;

/** Cuts the ordered bytes of one direction into records, and steps over those nobody wants to see. */
export class RecordWalker {
  readonly #receiver: RecordReceiver;
  #header: Buffer | undefined;
  #headerLength = 0;
  /** Bytes of the current record still to be stepped over. */
  #skip = 0;
  #body: Buffer | undefined;
  #bodyLength = 0;
  #type = 0;
  #version = 0;
  /** After a gap: looking for a segment that starts with a record. */
  #isSearching = false;
  #isStopped = false;

  constructor(receiver: RecordReceiver) {
    this.#receiver = receiver;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Bytes of a record that has not arrived in full. */
  get isInsideRecord(): boolean {
    return this.#body !== undefined || this.#headerLength > 0 || this.#skip > 0;
  }

  push(bytes: Buffer, start: number, end: number): void {
    let at = start;
    if (this.#isSearching && !this.#isStopped) {
      if (!isRecordHeader(bytes, at, end)) return;
      this.#isSearching = false;
    }
    while (at < end && !this.#isStopped && !this.#isSearching) {
      if (this.#skip > 0) at += this.#stepOver(end - at);
      else if (this.#body !== undefined) at += this.#fillBody(bytes, at, end);
      else at = this.#startRecord(bytes, at, end);
    }
  }

  /** Missing bytes inside a record that is stepped over anyway do no harm. */
  pass(length: number): boolean {
    if (this.#isStopped || this.#isSearching) return true;
    if (length > this.#skip) return false;
    this.#skip -= length;
    return true;
  }

  /** Bytes are missing: the rest of what was being read is lost with them. */
  lose(): void {
    this.#isSearching = true;
    this.#skip = 0;
    this.#body = undefined;
    this.#headerLength = 0;
  }

  stop(): void {
    this.#isStopped = true;
    this.#body = undefined;
    this.#header = undefined;
  }

  #stepOver(available: number): number {
    const length = Math.min(this.#skip, available);
    this.#skip -= length;
    return length;
  }

  #fillBody(bytes: Buffer, start: number, end: number): number {
    const body = this.#body!;
    const length = Math.min(body.length - this.#bodyLength, end - start);
    bytes.copy(body, this.#bodyLength, start, start + length);
    this.#bodyLength += length;
    if (this.#bodyLength === body.length) {
      this.#body = undefined;
      this.#receiver.onRecord(this.#type, this.#version, body.length, body);
    }
    return length;
  }

  #startRecord(bytes: Buffer, start: number, end: number): number {
    if (this.#headerLength === 0 && end - start >= headerBytes)
      return this.#readHeader(bytes, start, start + headerBytes, end);
    this.#header ??= Buffer.alloc(headerBytes);
    const length = Math.min(headerBytes - this.#headerLength, end - start);
    bytes.copy(this.#header, this.#headerLength, start, start + length);
    this.#headerLength += length;
    // A peer that does not speak TLS shows it in its first byte, and may never send five.
    if (!isRecordHeader(this.#header, 0, this.#headerLength))
      return this.#refuse(this.#header.subarray(0, this.#headerLength), end);
    if (this.#headerLength < headerBytes) return end;
    this.#headerLength = 0;
    return this.#readHeader(this.#header, 0, start + length, end, bytes);
  }

  /** `next` is where the body starts in `source`; answers where to go on. */
  #readHeader(header: Buffer, at: number, next: number, end: number, source = header): number {
    if (!isRecordHeader(header, at, at + headerBytes)) return this.#refuse(header.subarray(at, at + headerBytes), end);
    const length = (header[at + 3]! << 8) | header[at + 4]!;
    this.#type = header[at]!;
    this.#version = (header[at + 1]! << 8) | header[at + 2]!;
    if (!this.#receiver.wantsBody(this.#type, length)) {
      this.#skip = length;
      this.#receiver.onRecord(this.#type, this.#version, length, undefined);
      return next;
    }
    if (end - next >= length) {
      this.#receiver.onRecord(this.#type, this.#version, length, source.subarray(next, next + length));
      return next + length;
    }
    this.#body = Buffer.allocUnsafe(length);
    this.#bodyLength = 0;
    return next;
  }

  #refuse(header: Buffer, end: number): number {
    this.#headerLength = 0;
    this.#receiver.onNoRecord(header);
    this.#isSearching = true;
    return end;
  }
}

/** Whether the bytes, as many of five as there are, can start a record: types 20 to 26, versions 3.0 to 3.4. */
export function isRecordHeader(bytes: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (length >= 1 && (bytes[start]! < 0x14 || bytes[start]! > 0x1a)) return false;
  if (length >= 2 && bytes[start + 1] !== 0x03) return false;
  if (length >= 3 && bytes[start + 2]! > 0x04) return false;
  if (length >= 5 && ((bytes[start + 3]! << 8) | bytes[start + 4]!) > maxBodyBytes) return false;
  return true;
}
