/** What the configured plugin itself did when it was started and pointed at a listener of the doctor. */
export interface RehearsalFacts {
  /** The executable with its arguments. */
  command: string;
  /** Leaf first; empty: it presented no certificate. */
  presented: readonly { subject: string; issuer: string; serial: string; sha256: string }[];
}
