import type { SegmentReader } from "../formats/pcap/segment-reader.js";
import type { Connection, Endpoint } from "./connection.js";

/** What a table finds: a connection, or what is left of one that has been told, to know its late packets by. */
export interface TableEntry {
  readonly endpoints: readonly [Endpoint, Endpoint];
  connection: Connection | undefined;
  /** Where the table keeps it. */
  readonly hash: number;
}

/** Connections by addresses and ports, both directions alike; a look-up allocates nothing. */
export class ConnectionTable {
  readonly #buckets = new Map<number, TableEntry[]>();
  #last: TableEntry | undefined;
  /** Which endpoint of the last connection found had sent the segment. */
  foundIndex: 0 | 1 = 0;

  find(segment: SegmentReader): TableEntry | undefined {
    // Packets come in trains: the last connection found is the likeliest.
    if (this.#last !== undefined && this.#matches(this.#last, segment)) return this.#last;
    const bucket = this.#buckets.get(hashOf(segment));
    if (bucket === undefined) return undefined;
    for (const entry of bucket) {
      if (!this.#matches(entry, segment)) continue;
      this.#last = entry;
      return entry;
    }
    return undefined;
  }

  add(segment: SegmentReader, connection: Connection): TableEntry {
    const hash = hashOf(segment);
    const entry: TableEntry = { endpoints: connection.endpoints, connection, hash };
    const bucket = this.#buckets.get(hash);
    if (bucket === undefined) this.#buckets.set(hash, [entry]);
    else bucket.push(entry);
    this.#last = entry;
    this.foundIndex = 0;
    return entry;
  }

  remove(entry: TableEntry): void {
    if (this.#last === entry) this.#last = undefined;
    const bucket = this.#buckets.get(entry.hash);
    const at = bucket?.indexOf(entry) ?? -1;
    if (bucket === undefined || at === -1) return;
    if (bucket.length === 1) this.#buckets.delete(entry.hash);
    else bucket.splice(at, 1);
  }

  #matches({ endpoints: [a, b] }: TableEntry, segment: SegmentReader): boolean {
    const { sourcePort, destinationPort, sourceAt, destinationAt } = segment;
    if (sourcePort === a.port && destinationPort === b.port) {
      if (isAddress(a, segment, sourceAt) && isAddress(b, segment, destinationAt)) {
        this.foundIndex = 0;
        return true;
      }
    }
    if (sourcePort === b.port && destinationPort === a.port) {
      if (isAddress(b, segment, sourceAt) && isAddress(a, segment, destinationAt)) {
        this.foundIndex = 1;
        return true;
      }
    }
    return false;
  }
}

function isAddress({ address }: Endpoint, { bytes, addressBytes }: SegmentReader, at: number): boolean {
  if (address.length !== addressBytes) return false;
  for (let i = addressBytes - 1; i >= 0; i--) if (address[i] !== bytes[at + i]) return false;
  return true;
}

/** The same for both directions, because sums do not care for order. */
function hashOf({ bytes, addressBytes, sourceAt, destinationAt, sourcePort, destinationPort }: SegmentReader): number {
  const source = endpointHash(bytes, sourceAt, addressBytes, sourcePort);
  return (source + endpointHash(bytes, destinationAt, addressBytes, destinationPort)) | 0;
}

function endpointHash(bytes: Buffer, at: number, length: number, port: number): number {
  let hash = Math.imul(port + 1, 0x9e3779b1);
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[at + i]!, 0x01000193);
  return hash ^ (hash >>> 15);
}
