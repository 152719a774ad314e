import { type FileOptions, pcapFile } from "../../support/capture-writer.js";

/** The IP packets of a classic little-endian capture of Ethernet. */
export function ipPacketsOf(file: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    packets.push(file.subarray(at + 16 + 14, at + 16 + length));
    at += 16 + length;
  }
  return packets;
}

/** The same packets over another link; `front` is what stands before each IP packet. */
export interface Link extends FileOptions {
  front(ip: Buffer): Buffer;
}

export function rewritten(packets: readonly Buffer[], { front, ...options }: Link): Buffer {
  return pcapFile(
    packets.map((ip) => Buffer.concat([front(ip), ip])),
    options,
  );
}

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const macs = "020000000001 020000000002";
const etherType = (ip: Buffer) => (ip[0]! >> 4 === 4 ? "0800" : "86dd");

/** https://www.tcpdump.org/linktypes.html */
export const links: Record<string, Link> = {
  "big-endian": { front: (ip) => hex(`${macs} ${etherType(ip)}`), isLittle: false },
  nanoseconds: { front: (ip) => hex(`${macs} ${etherType(ip)}`), isNano: true },
  VLAN: { front: (ip) => hex(`${macs} 8100 0007 ${etherType(ip)}`) },
  "two VLAN tags": { front: (ip) => hex(`${macs} 88a8 0007 8100 0008 ${etherType(ip)}`) },
  "Linux cooked": { linkType: 113, front: (ip) => hex(`0000 0001 0006 020000000001 0000 ${etherType(ip)}`) },
  "Linux cooked v2": {
    linkType: 276,
    front: (ip) => hex(`${etherType(ip)} 0000 00000001 0001 00 06 020000000001 0000`),
  },
  "BSD loopback": { linkType: 0, front: (ip) => hex(ip[0]! >> 4 === 4 ? "02000000" : "1e000000") },
  "raw IP": { linkType: 101, front: () => Buffer.alloc(0) },
};

/** An IPv4 packet without options as IPv6, from and to addresses of the documentation's range. */
export function asIpv6(ip: Buffer): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(ip.readUInt16BE(2) - 20, 4);
  header[6] = 6;
  header[7] = 64;
  for (const at of [8, 24]) hex("20010db8").copy(header, at);
  ip.copy(header, 20, 12, 16);
  ip.copy(header, 36, 16, 20);
  return Buffer.concat([header, ip.subarray(20)]);
}

/** IPv4 packets whose TCP payload has at most `bytes`, as a smaller MTU would have cut them; a FIN goes with the last. */
export function cutUp(packets: readonly Buffer[], bytes: number): Buffer[] {
  return packets.flatMap((packet) => {
    const payloadAt = 20 + (packet[32]! >> 4) * 4;
    const payload = packet.subarray(payloadAt);
    if (payload.length <= bytes) return [packet];
    return Array.from({ length: Math.ceil(payload.length / bytes) }, (_, i) => {
      const part = payload.subarray(i * bytes, (i + 1) * bytes);
      const headers = Buffer.from(packet.subarray(0, payloadAt));
      headers.writeUInt16BE(payloadAt + part.length, 2);
      headers.writeUInt32BE((headers.readUInt32BE(24) + i * bytes) >>> 0, 24);
      if ((i + 1) * bytes < payload.length) headers[33]! &= ~1;
      return Buffer.concat([headers, part]);
    });
  });
}

/** Packets that one side sends in a row, in any order; what waits for the other side's answer stays behind it. */
export function shuffledFlights(packets: readonly Buffer[], random: () => number): Buffer[] {
  const flights: Buffer[][] = [];
  for (const packet of packets) {
    const last = flights.at(-1);
    if (last?.[0]?.subarray(20, 24).equals(packet.subarray(20, 24)) === true) last.push(packet);
    else flights.push([packet]);
  }
  return flights.flatMap((flight) => {
    const keyed = flight.map((packet) => ({ packet, key: random() }));
    return keyed.sort((a, b) => a.key - b.key).map(({ packet }) => packet);
  });
}

/** Each connection's packets with one side's before the other's, the SYNs too: two interfaces, one written after the other. */
export function sidesApart(packets: readonly Buffer[], first: "client" | "server"): Buffer[] {
  const connections = new Map<number, Buffer[]>();
  const serverPort = packets[0]!.readUInt16BE(22);
  const isClients = (packet: Buffer) => packet.readUInt16BE(22) === serverPort;
  for (const packet of packets) {
    const port = packet.readUInt16BE(isClients(packet) ? 20 : 22);
    connections.set(port, [...(connections.get(port) ?? []), packet]);
  }
  const rank = (packet: Buffer) => (isClients(packet) === (first === "client") ? 0 : 1);
  return [...connections.values()].flatMap((own) => own.toSorted((a, b) => rank(a) - rank(b)));
}
