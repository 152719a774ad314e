import {
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  privateDecrypt,
  timingSafeEqual,
} from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { errorText, Problem } from "../../core/problem.js";

/** A refusal in the Rust agent's words. */
export class PayloadKeyRefusal extends Error {}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Enough for a tenant and verifiers that retry; older halves are forgotten. */
const maxHalves = 16;

interface UserHalf {
  key: Buffer;
  authTag: Buffer;
}

/**
 * The agent's transport key, and the payload key that tenant (U) and verifier (V) send in halves under it. Payloads
 * themselves are not run here (rust-keylime 0.2.9, keylime-agent/src/keys_handler.rs).
 */
export class PayloadKeys {
  /** SubjectPublicKeyInfo PEM with final LF: PCR 16 holds its digest, so every byte counts. */
  readonly publicPem: string;
  readonly #privateKey: KeyObject;
  readonly #agentId: string;
  #userHalves: UserHalf[] = [];
  #verifierHalves: Buffer[] = [];
  #payloadKey: Buffer | undefined;

  private constructor(agentId: string, privateKey: KeyObject) {
    this.#agentId = agentId;
    this.#privateKey = privateKey;
    this.publicPem = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
  }

  /**
   * With the transport key in `file`, which is made when it is not there, as the Rust agent does with its
   * `payload-private.pem`; without a file, with a new key. Throws a `Problem` (`agent-payload-key`) for a file that
   * cannot be used.
   */
  static async create(agentId: string, file?: string): Promise<PayloadKeys> {
    const kept = file === undefined ? undefined : await loadKey(file);
    if (kept !== undefined) return new PayloadKeys(agentId, kept);
    const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
    if (file !== undefined) await saveKey(file, privateKey);
    return new PayloadKeys(agentId, privateKey);
  }

  addUserHalf(encryptedKey: string, authTag: string): void {
    const key = this.#decrypt(encryptedKey);
    if (!/^[0-9a-fA-F]{96}$/.test(authTag)) throw new PayloadKeyRefusal("Invalid hex encoding in auth_tag");
    this.#userHalves = [...this.#userHalves, { key, authTag: Buffer.from(authTag, "hex") }].slice(-maxHalves);
    this.#combine();
  }

  addVerifierHalf(encryptedKey: string): void {
    this.#verifierHalves = [...this.#verifierHalves, this.#decrypt(encryptedKey)].slice(-maxHalves);
    this.#combine();
  }

  /** HMAC-SHA-384 of a challenge under the payload key, hex; undefined while the key is not known. */
  answer(challenge: string): string | undefined {
    if (this.#payloadKey === undefined) return undefined;
    return createHmac("sha384", this.#payloadKey).update(challenge).digest("hex");
  }

  #decrypt(encryptedKey: string): Buffer {
    if (!base64.test(encryptedKey)) throw new PayloadKeyRefusal("Invalid base64 encoding in encrypted_key");
    const key = this.#decryptOaep(Buffer.from(encryptedKey, "base64"));
    if (key.length !== 16 && key.length !== 32) throw new PayloadKeyRefusal("Decrypted key is invalid");
    return key;
  }

  #decryptOaep(bytes: Buffer): Buffer {
    try {
      const how = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" };
      return privateDecrypt({ key: this.#privateKey, ...how }, bytes);
    } catch {
      throw new PayloadKeyRefusal("Failed to decrypt encrypted_key");
    }
  }

  #combine(): void {
    for (const { key, authTag } of this.#userHalves) {
      for (const other of this.#verifierHalves.filter((half) => half.length === key.length)) {
        const candidate = Buffer.from(key.map((byte, index) => byte ^ other[index]!));
        if (!timingSafeEqual(createHmac("sha384", candidate).update(this.#agentId).digest(), authTag)) continue;
        this.#payloadKey = candidate;
        this.#userHalves = [];
        this.#verifierHalves = [];
        return;
      }
    }
  }
}

async function loadKey(file: string): Promise<KeyObject | undefined> {
  try {
    const key = createPrivateKey(await readFile(file));
    if (key.asymmetricKeyType === "rsa") return key;
    throw new Error(`expected an RSA key, found ${key.asymmetricKeyType}`);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unusable("load", file, cause);
  }
}

async function saveKey(file: string, key: KeyObject): Promise<void> {
  try {
    await writeFile(file, key.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
  } catch (cause) {
    throw unusable("write", file, cause);
  }
}

function unusable(task: "load" | "write", file: string, cause: unknown): Problem {
  const message = `cannot ${task} the Keylime agent's payload key "${file}": ${errorText(cause)}`;
  return new Problem("agent-payload-key", message, {
    culprit: "configuration",
    hint: "remove the file or correct its path",
  });
}
