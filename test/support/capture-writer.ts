/** Writes captures for tests: classic pcap or pcapng, packets as given or TCP segments built from their parts. */

export interface Segment {
  from: 0 | 1;
  sequence: number;
  payload?: Buffer;
  /** As in the TCP header: 1 FIN, 2 SYN, 4 RST, 16 ACK. */
  flags?: number;
}

export interface Ends {
  addresses?: readonly [Buffer, Buffer];
  ports?: readonly [number, number];
}

const v4: readonly [Buffer, Buffer] = [Buffer.from([10, 0, 0, 1]), Buffer.from([10, 0, 0, 2])];
const defaultPorts = [40_000, 8881] as const;

/** An IP packet with a TCP segment in it; IPv6 when the addresses have 16 bytes. */
export function ipPacket({ from, sequence, payload = Buffer.alloc(0), flags = 16 }: Segment, ends: Ends = {}): Buffer {
  const { addresses = v4, ports = defaultPorts } = ends;
  const to = from === 0 ? 1 : 0;
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(ports[from], 0);
  tcp.writeUInt16BE(ports[to], 2);
  tcp.writeUInt32BE(sequence >>> 0, 4);
  tcp[12] = 0x50;
  tcp[13] = flags;
  const body = Buffer.concat([tcp, payload]);
  return Buffer.concat([ipHeader(addresses[from], addresses[to], body.length), body]);
}

function ipHeader(source: Buffer, destination: Buffer, length: number): Buffer {
  if (source.length === 4) {
    const header = Buffer.alloc(20);
    header[0] = 0x45;
    header.writeUInt16BE(20 + length, 2);
    header[9] = 6;
    source.copy(header, 12);
    destination.copy(header, 16);
    return header;
  }
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(length, 4);
  header[6] = 6;
  source.copy(header, 8);
  destination.copy(header, 24);
  return header;
}

export function ethernet(ip: Buffer, tags: readonly number[] = []): Buffer {
  const etherType = ip[0]! >> 4 === 4 ? 0x0800 : 0x86dd;
  const types = Buffer.alloc(2 + tags.length * 4);
  for (const [i, tag] of tags.entries()) types.writeUInt32BE(((tag << 16) | 7) >>> 0, i * 4);
  types.writeUInt16BE(etherType, tags.length * 4);
  return Buffer.concat([Buffer.alloc(12, 2), types, ip]);
}

export interface FileOptions {
  linkType?: number;
  isLittle?: boolean;
  isNano?: boolean;
}

/** A classic capture; packets are a millisecond apart from the year 2026 on. */
export function pcapFile(packets: readonly Buffer[], options: FileOptions = {}): Buffer {
  const { linkType = 1, isLittle = true, isNano = false } = options;
  const numbers = (values: readonly number[]) => words(values, isLittle);
  const header = numbers([
    isNano ? 0xa1b23c4d : 0xa1b2c3d4,
    isLittle ? 0x00040002 : 0x00020004,
    0,
    0,
    262144,
    linkType,
  ]);
  const parts = packets.flatMap((packet, i) => [
    numbers([1_795_478_400, i * (isNano ? 1_000_000 : 1000), packet.length, packet.length]),
    packet,
  ]);
  return Buffer.concat([header, ...parts]);
}

/** Blocks of a pcapng section. */
export function pcapngBlock(type: number, body: Buffer, isLittle = true): Buffer {
  const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
  const length = words([padded.length + 12], isLittle);
  return Buffer.concat([words([type], isLittle), length, padded, length]);
}

export function sectionHeader(isLittle = true): Buffer {
  return pcapngBlock(
    0x0a0d0d0a,
    words([0x1a2b3c4d, isLittle ? 1 : 0x00010000, 0xffffffff, 0xffffffff], isLittle),
    isLittle,
  );
}

/** `resolution` is the byte of if_tsresol. */
export function interfaceBlock(linkType: number, resolution?: number, isLittle = true): Buffer {
  const head = words([isLittle ? linkType : linkType << 16, 0], isLittle);
  if (resolution === undefined) return pcapngBlock(1, head, isLittle);
  const option = Buffer.alloc(8);
  isLittle ? option.writeUInt32LE(0x00010009) : option.writeUInt32BE(0x00090001);
  option[4] = resolution;
  return pcapngBlock(1, Buffer.concat([head, option]), isLittle);
}

export function packetBlock(packet: Buffer, ticks: bigint, interfaceId = 0, isLittle = true): Buffer {
  const head = words(
    [interfaceId, Number(ticks >> 32n), Number(ticks & 0xffffffffn), packet.length, packet.length],
    isLittle,
  );
  return pcapngBlock(6, Buffer.concat([head, packet]), isLittle);
}

export function words(values: readonly number[], isLittle = true): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) {
    if (isLittle) bytes.writeUInt32LE(value >>> 0, i * 4);
    else bytes.writeUInt32BE(value >>> 0, i * 4);
  }
  return bytes;
}
