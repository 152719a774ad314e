import { Problem } from "../core/problem.js";

/** The go-plugin core protocol this room speaks. */
export const coreProtocolVersion = 1;

/** The first line a plugin writes on stdout: where it serves and in which versions. */
export interface Handshake {
  protocolVersion: number;
  network: "unix" | "tcp";
  /** Absolute socket path, or host:port. */
  address: string;
}

/** `1|1|unix|/tmp/plugin123|grpc|` without the line feed. The last field is the certificate of AutoMTLS: always empty. */
export function handshakeLine({ protocolVersion, network, address }: Handshake): string {
  return `${coreProtocolVersion}|${protocolVersion}|${network}|${address}|grpc|`;
}

/**
 * Parses the handshake line as the host of go-plugin v1.7 does (`client.go`): at least four fields, the protocol `netrpc`
 * when the fifth is missing.
 * @throws Problem `plugin-handshake` when the plugin speaks another protocol, or none
 */
export function parseHandshakeLine(line: string, protocolVersions: readonly number[]): Handshake {
  const fields = line.trim().split("|");
  if (fields.length < 4) {
    throw refused(`the first line on its stdout is ${JSON.stringify(line.slice(0, 200))}`, "print nothing before it");
  }
  const [core, application, network, address, protocol = "netrpc", certificate = ""] = fields as [
    string,
    string,
    string,
    string,
    string?,
    string?,
  ];
  if (core !== String(coreProtocolVersion)) throw refused(`core protocol version ${core}, expected 1`);
  const protocolVersion = Number(application);
  if (!/^\d+$/.test(application) || !protocolVersions.includes(protocolVersion)) {
    throw refused(`application protocol version ${application}, expected one of ${protocolVersions.join(", ")}`);
  }
  if (network !== "unix" && network !== "tcp") throw refused(`network ${JSON.stringify(network)}`);
  if (address === "") throw refused("empty address");
  if (protocol !== "grpc") throw refused(`protocol ${JSON.stringify(protocol)}, expected "grpc"`);
  if (certificate.length > 50) throw refused("it asks for TLS that this host did not offer");
  return { protocolVersion, network, address };
}

/** The name the gRPC library dials for a network and an address. */
export function dialTarget(network: string, address: string): string {
  return network === "unix" ? `unix:${address}` : address;
}

function refused(why: string, hint?: string): Problem {
  return new Problem("plugin-handshake", `cannot shake hands with the plugin: ${why}`, {
    culprit: "peer",
    ...(hint === undefined ? {} : { hint }),
  });
}
