import { isIPv6 } from "node:net";

/** Why a text is no host name or address, or undefined when it is one. IPv6 addresses may stand in brackets. */
export function hostFlaw(text: string): string | undefined {
  const bare = bareHost(text);
  if (isIPv6(bare)) return undefined;
  if (text.includes("://")) return "it must be a host alone, without scheme and port";
  if (/:\d+$/.test(text)) return "it must be a host alone, the port has a key of its own";
  return bare.length <= 253 && /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/.test(bare) && !bare.includes("..")
    ? undefined
    : "it is no host name and no address";
}

/** The host without the brackets of an IPv6 address. */
export function bareHost(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

/** `https://host:port`; an IPv6 address gets its brackets. */
export function httpsUrl(host: string, port: number): string {
  return `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** The port of a text, or undefined when it is none: a decimal number from 1 to 65535. */
export function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}

/** Host and port of `https://host:port`, or why it is no such address. */
export function parseHttpsAddress(text: string): { host: string; port: number } | string {
  const match = /^https:\/\/(\[[^\]]*\]|[^/:?#@[\]]*)(?::([^/?#@]*))?(\/?)$/i.exec(text);
  if (match === null) {
    return /^http:/i.test(text) ? "it must start with https://" : "it must be https://<host>:<port> and nothing more";
  }
  const [, host = "", portText] = match;
  if (portText === undefined) return "its port is missing: write it as https://<host>:8881";
  const port = parsePort(portText);
  if (port === undefined) return `its port ${JSON.stringify(portText.slice(0, 20))} is not from 1 to 65535`;
  const flaw = hostFlaw(host);
  return flaw ?? { host: bareHost(host), port };
}
