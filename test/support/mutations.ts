/** Damaged copies of an input, the same ones on every run: bytes changed, cut out, doubled, extreme lengths put in. */
export function* mutations(input: Buffer, count: number, seed = 1): Generator<Buffer> {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let i = 0; i < count; i++) {
    let bytes: Buffer = Buffer.from(input);
    for (let changes = 1 + below(4); changes > 0 && bytes.length > 0; changes--) bytes = mutated(bytes, below);
    yield bytes;
  }
}

const extremes = [0x00, 0x7f, 0x80, 0xff];

function mutated(bytes: Buffer, below: (limit: number) => number): Buffer {
  const at = below(bytes.length);
  switch (below(5)) {
    case 0:
      bytes[at] = below(256);
      return bytes;
    case 1:
      bytes[at]! ^= 1 << below(8);
      return bytes;
    case 2:
      bytes.fill(extremes[below(4)]!, at, Math.min(bytes.length, at + 1 + below(4)));
      return bytes;
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + below(8)))]);
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - 8))]);
  }
}

/** mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** An input's beginnings, the empty one first, the whole left out. */
export function* cuts(input: Buffer): Generator<Buffer> {
  for (let length = 0; length < input.length; length++) yield input.subarray(0, length);
}
