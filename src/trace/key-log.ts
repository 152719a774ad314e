/** The secrets of TLS 1.3 that open records, by the label of the key log (RFC 9850 section 2.1). */
const labels = {
  CLIENT_HANDSHAKE_TRAFFIC_SECRET: "clientHandshake",
  SERVER_HANDSHAKE_TRAFFIC_SECRET: "serverHandshake",
  CLIENT_TRAFFIC_SECRET_0: "clientApplication",
  SERVER_TRAFFIC_SECRET_0: "serverApplication",
} as const;

export type TrafficSecretName = (typeof labels)[keyof typeof labels];
export type TrafficSecrets = Partial<Record<TrafficSecretName, Buffer>>;

/** Connections whose secrets are kept; beyond it the oldest are forgotten. */
const maxConnections = 100_000;
const linePattern = /^([A-Z0-9_]+) +([0-9A-Fa-f]{64}) +([0-9A-Fa-f]{64}|[0-9A-Fa-f]{96})\s*$/;

/** Secrets from SSLKEYLOGFILE and from captures that carry them, by client random. Never printed. */
export class KeyLog {
  readonly #secrets = new Map<string, TrafficSecrets>();
  #forgotten = 0;

  get connections(): number {
    return this.#secrets.size;
  }

  /** Connections whose secrets were dropped because there were too many. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Adds the lines of a text; comments, other labels and lines of another form are passed over. */
  add(text: string): void {
    for (const line of text.split("\n")) this.#addLine(line);
  }

  find(clientRandom: Buffer): TrafficSecrets | undefined {
    return this.#secrets.get(clientRandom.toString("hex"));
  }

  #addLine(line: string): void {
    const match = linePattern.exec(line);
    if (match === null) return;
    const name = labels[match[1] as keyof typeof labels];
    if (name === undefined) return;
    const random = match[2]!.toLowerCase();
    let secrets = this.#secrets.get(random);
    if (secrets === undefined) {
      this.#forgetOldest();
      secrets = {};
      this.#secrets.set(random, secrets);
    }
    secrets[name] = Buffer.from(match[3]!, "hex");
  }

  #forgetOldest(): void {
    if (this.#secrets.size < maxConnections) return;
    this.#forgotten++;
    for (const oldest of this.#secrets.keys()) {
      this.#secrets.delete(oldest);
      return;
    }
  }
}
