import { readWhole } from "../reader.js";

/** RFC 8446 section 4.6.3: the sender's next record uses its next key. */
export interface KeyUpdate {
  /** 0 update_not_requested, 1 update_requested. */
  requestUpdate: number;
}

export function readKeyUpdate(body: Buffer): KeyUpdate {
  return readWhole(body, "KeyUpdate", (reader) => ({ requestUpdate: reader.u8() }));
}

export function writeKeyUpdate({ requestUpdate }: KeyUpdate): Buffer {
  return Buffer.from([requestUpdate]);
}
