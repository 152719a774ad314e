import { malformed } from "../../tls/malformed.js";
import { maxPlaintextBytes, RecordReader, type TlsRecord, writeRecord } from "../../tls/record.js";
import type { Plaintext } from "../../tls/record-protection.js";
import { contentTypes, tls10, tls12 } from "./wire-versions.js";

/** Keys of one direction, of either version. */
export interface Protection {
  seal(plaintext: Plaintext): Buffer;
  /** undefined when the record does not decrypt. */
  open(record: TlsRecord): Plaintext | undefined;
}

/** Records in a row that bring nothing; OpenSSL ends a connection after 32 empty ones. */
const maxIdleRecords = 32;
const { values: types } = contentTypes;

/** The client's side of the record layer: whatever keys are in force at the moment, TLS 1.2 and 1.3. */
export class ClientRecords {
  reading: Protection | undefined;
  writing: Protection | undefined;
  /** TLS 1.2: keys that the server's change_cipher_spec brings into force. */
  nextReading: Protection | undefined;
  readonly #reader = new RecordReader("the server's TLS record");
  readonly #write: (bytes: Buffer) => void;
  #idleRecords = 0;
  #hasWritten = false;

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  push(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  /** The next record that holds something, decrypted; undefined until more bytes arrive. */
  next(): Plaintext | undefined {
    for (let record = this.#reader.next(); record !== undefined; record = this.#reader.next()) {
      const plaintext = record.type === types.change_cipher_spec ? this.#changeCipherSpec() : this.#open(record);
      if (plaintext !== undefined && plaintext.content.length > 0) {
        this.#idleRecords = 0;
        return plaintext;
      }
      if (++this.#idleRecords > maxIdleRecords) {
        throw malformed("the server's TLS records", `more than ${maxIdleRecords} in a row that hold nothing`);
      }
    }
    return undefined;
  }

  send(type: number, content: Buffer): void {
    for (let at = 0; at < content.length; at += maxPlaintextBytes) {
      const piece = content.subarray(at, at + maxPlaintextBytes);
      // The first record names TLS 1.0, since some servers close on anything newer (RFC 8446 section 5.1).
      const version = this.#hasWritten ? tls12 : tls10;
      this.#hasWritten = true;
      this.#write(this.writing?.seal({ type, content: piece }) ?? writeRecord({ type, version, fragment: piece }));
    }
  }

  /** Always in the clear when it is due. In TLS 1.3 it says nothing and is there for middleboxes (RFC 8446 D.4). */
  sendChangeCipherSpec(): void {
    this.#write(writeRecord({ type: types.change_cipher_spec, version: tls12, fragment: Buffer.from([0x01]) }));
  }

  #changeCipherSpec(): undefined {
    if (this.nextReading === undefined) return;
    this.reading = this.nextReading;
    this.nextReading = undefined;
  }

  #open(record: TlsRecord): Plaintext {
    const { type, fragment } = record;
    // A server that failed before its keys were in force sends its alert in the clear.
    const isPlainAlert = type === types.alert && fragment.length === 2;
    if (this.reading === undefined || isPlainAlert) return { type, content: fragment };
    const opened = this.reading.open(record);
    if (opened === undefined) throw malformed("the server's TLS record", "it does not decrypt with the agreed keys");
    return opened;
  }
}
