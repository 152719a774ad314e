import { alertLevels, alertNumbers, writeAlert } from "../../tls/alert.js";
import { isMalformed } from "../../tls/malformed.js";
import { maxPlaintextBytes, RecordReader, type TlsRecord, writeRecord } from "../../tls/record.js";
import type { Plaintext } from "../../tls/record-protection.js";
import { contentTypes, tls12, tls13 } from "../../tls/tables/protocol.js";
import { Refusal } from "./refusal.js";

/** Keys of one direction, of either version. */
interface Protection {
  seal(plaintext: Plaintext): Buffer;
  /** undefined when the record does not decrypt. */
  open(record: TlsRecord): Plaintext | undefined;
  /** TLS 1.3: goes on with the next generation of keys. */
  update?(): void;
}

const { values: types } = contentTypes;
/** Records in a row that bring nothing; OpenSSL ends a connection after 32 empty ones. */
const maxIdleRecords = 32;

/** Records in, records out, with whatever keys are in force at the moment. */
export class RecordLayer {
  readProtection: Protection | undefined;
  writeProtection: Protection | undefined;
  /** TLS 1.2: keys that the client's change_cipher_spec brings into force. */
  nextReadProtection: Protection | undefined;
  /** In TLS 1.3 change_cipher_spec says nothing and protected records hide their type. */
  version: typeof tls12 | typeof tls13 = tls13;
  /** Until the handshake is done, change_cipher_spec records and unprotected alerts are taken (RFC 8446 appendix D.4). */
  isHandshaking = true;
  readonly #reader = new RecordReader();
  readonly #write: (bytes: Buffer) => void;
  #idleRecords = 0;

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  push(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  /** The next record's type and content, decrypted; undefined until more bytes arrive. */
  next(): Plaintext | undefined {
    for (let record = this.#reader.next(); record !== undefined; record = this.#reader.next()) {
      const plaintext = this.#isFiller(record) ? undefined : this.#open(record);
      this.#countIdle(plaintext);
      if (plaintext !== undefined) return plaintext;
    }
    return undefined;
  }

  send(type: number, content: Buffer): void {
    this.#write(this.sealAll(type, content));
  }

  /** Content of any length, in as many records as it takes. */
  sealAll(type: number, content: Buffer): Buffer {
    const records: Buffer[] = [];
    for (let at = 0; at < content.length; at += maxPlaintextBytes) {
      const piece = content.subarray(at, at + maxPlaintextBytes);
      const plain = { type, version: tls12, fragment: piece };
      records.push(this.writeProtection?.seal({ type, content: piece }) ?? writeRecord(plain));
    }
    return Buffer.concat(records);
  }

  sendAlert(number: number, level: number = alertLevels.fatal): void {
    this.send(types.alert, writeAlert({ level, number }));
  }

  #isFiller({ type, fragment }: TlsRecord): boolean {
    if (type !== types.change_cipher_spec) return false;
    if (this.version === tls12) return this.#changeKeys(fragment);
    if (this.isHandshaking && fragment.length === 1 && fragment[0] === 0x01) return true;
    throw new Refusal(alertNumbers.unexpectedMessage, "a change_cipher_spec out of place");
  }

  #changeKeys(fragment: Buffer): true {
    if (this.nextReadProtection === undefined || fragment.length !== 1) {
      throw new Refusal(alertNumbers.unexpectedMessage, "a change_cipher_spec out of place");
    }
    this.readProtection = this.nextReadProtection;
    this.nextReadProtection = undefined;
    return true;
  }

  #open(record: TlsRecord): Plaintext {
    if (this.readProtection === undefined) return this.#plain(record);
    if (this.version === tls13 && this.isHandshaking && record.type === types.alert && record.fragment.length === 2)
      return this.#plain(record);
    if (this.version === tls13 && record.type !== types.application_data) {
      throw new Refusal(alertNumbers.unexpectedMessage, "an unprotected record after the keys changed");
    }
    const opened = this.#decrypt(this.readProtection, record);
    if (opened === undefined) throw new Refusal(alertNumbers.badRecordMac, "a record that does not decrypt");
    return this.#plain({ type: opened.type, fragment: opened.content });
  }

  #plain({ type, fragment }: Pick<TlsRecord, "type" | "fragment">): Plaintext {
    if (fragment.length > maxPlaintextBytes)
      throw new Refusal(alertNumbers.recordOverflow, "a record of too many bytes");
    return { type, content: fragment };
  }

  #decrypt(protection: Protection, record: TlsRecord): Plaintext | undefined {
    try {
      return protection.open(record);
    } catch (error) {
      if (isMalformed(error)) throw new Refusal(alertNumbers.recordOverflow, error.message);
      throw error;
    }
  }

  #countIdle(plaintext: Plaintext | undefined): void {
    const isIdle = plaintext === undefined || plaintext.content.length === 0;
    this.#idleRecords = isIdle ? this.#idleRecords + 1 : 0;
    if (this.#idleRecords > maxIdleRecords) {
      throw new Refusal(alertNumbers.unexpectedMessage, `more than ${maxIdleRecords} empty records in a row`);
    }
  }
}
