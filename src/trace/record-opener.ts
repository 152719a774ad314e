import { cipherSuite } from "../tls/cipher-suite.js";
import { type Plaintext, RecordProtection } from "../tls/record-protection.js";
import { contentTypes, tls12 } from "../tls/tables/protocol.js";

/** Records skipped over after a gap before the key is given up: nobody knows how many were lost. */
const maxLostRecords = 256;

/** Opens one direction's TLS 1.3 records with the secrets of a key log, from the handshake's keys to the application's. */
export class RecordOpener {
  readonly #suiteNumber: number;
  readonly #application: Buffer | undefined;
  readonly #handshake: Buffer | undefined;
  #protection: RecordProtection | undefined;
  #hasOpened = false;
  #isUncertain = false;
  #failures = 0;

  constructor(suiteNumber: number, handshake: Buffer | undefined, application: Buffer | undefined) {
    this.#suiteNumber = suiteNumber;
    this.#handshake = handshake;
    this.#application = application;
    this.#protection = this.#protectionFor(handshake);
  }

  get isUsable(): boolean {
    return this.#protection !== undefined;
  }

  open(body: Buffer): Plaintext | undefined {
    const attempts = this.#isUncertain ? maxLostRecords : 1;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const plain = this.#protection?.open({
        type: contentTypes.values.application_data,
        version: tls12,
        fragment: body,
      });
      if (plain !== undefined) return this.#opened(plain);
    }
    this.#failed();
    return undefined;
  }

  skip(): void {
    this.#protection?.skip();
  }

  /** Records are missing, nobody knows how many. */
  lose(): void {
    this.#isUncertain = true;
  }

  /** After the sender's Finished. */
  startApplication(): void {
    this.#protection = this.#protectionFor(this.#application);
    this.#isUncertain = false;
  }

  update(): void {
    this.#protection?.update();
  }

  #opened(plain: Plaintext): Plaintext {
    this.#hasOpened = true;
    this.#isUncertain = false;
    this.#failures = 0;
    return plain;
  }

  /** Until the first record has opened, failures are early data under other keys: the count starts with the handshake's. */
  #failed(): void {
    if (!this.#hasOpened) this.#protection = this.#protectionFor(this.#handshake);
    if (++this.#failures > maxLostRecords) this.#protection = undefined;
  }

  #protectionFor(secret: Buffer | undefined): RecordProtection | undefined {
    const suite = cipherSuite(this.#suiteNumber);
    if (suite === undefined || secret === undefined || secret.length !== suite.hashBytes) return undefined;
    return new RecordProtection(suite, secret);
  }
}
