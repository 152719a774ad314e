import { durationText } from "../core/duration.js";
import { errorText, Problem } from "../core/problem.js";

/** Why a connection brought no verdict; the codes are fault ids where one fits. */

export function connectProblem(target: string, error: NodeJS.ErrnoException): Problem {
  const [why, hint] = connectWords[error.code ?? ""] ?? [
    errorText(error),
    "check the address, the route and the firewall",
  ];
  return new Problem("verifier-unreachable", `cannot connect to ${target}: ${why}`, {
    culprit: "network",
    cause: error,
    hint,
  });
}

const connectWords: Record<string, [why: string, hint: string]> = {
  ECONNREFUSED: ["connection refused, nothing listens there", "start the service, or correct the port"],
  ENOTFOUND: ["the name does not resolve", "correct the name, or use an address"],
  EAI_AGAIN: ["the name server does not answer", "try again, or use an address"],
  EHOSTUNREACH: ["no route to the host", "check the address and the route"],
  ENETUNREACH: ["no route to the network", "check the address and the route"],
  ECONNRESET: ["the connection was reset", "is a firewall in between?"],
};

export function connectTimeout(target: string, timeoutMs: number): Problem {
  return new Problem(
    "verifier-unreachable",
    `cannot connect to ${target}: no answer within ${durationText(timeoutMs)}`,
    {
      culprit: "network",
      hint: "a firewall drops packets silently: check it, and the address",
    },
  );
}

/** Connected, and then silence, or a trickle that never makes a handshake. */
export function silentPeer(target: string, timeoutMs: number, lastSent: string, receivedBytes: number): Problem {
  const words =
    receivedBytes === 0
      ? `${target} took the connection and did not answer the client's ${lastSent} within ${durationText(timeoutMs)}`
      : `${target} did not finish the handshake within ${durationText(timeoutMs)}: ${receivedBytes} bytes came after the client's ${lastSent}`;
  return new Problem("probe-timeout", words, {
    culprit: "peer",
    hint:
      receivedBytes === 0
        ? `is it a plain HTTP port? try: curl -m 5 http://${target}/version`
        : "give it longer with --timeout, and look at the load of its host and at the network between",
  });
}

/** An end that is no alert, before the server has said a word. */
export function closedUnanswered(target: string, how: string): Problem {
  return new Problem("verifier-not-tls", `${target} ${how} without answering the ClientHello`, {
    culprit: "peer",
    hint: `is it a TLS port, and is the service behind it up? try: curl -m 5 http://${target}/version`,
  });
}

export function notTls(target: string, firstBytes: Buffer): Problem {
  const text = printable(firstBytes);
  const isHttp = text.startsWith("HTTP/");
  const what = isHttp ? `with plain HTTP: "${text}"` : `with something that is not TLS: "${text}"`;
  return new Problem("verifier-not-tls", `${target} answers ${what}`, {
    culprit: "peer",
    hint: isHttp ? "use the HTTPS port: 8881 for the verifier, 8891 for the registrar, by default" : "correct the port",
  });
}

export function malformedPeer(target: string, error: unknown): Problem {
  return new Problem("tls-malformed", `${target} sent bytes that are no handshake: ${errorText(error)}`, {
    culprit: "peer",
    cause: error,
    hint: `is a proxy in between? compare with: openssl s_client -connect ${target}`,
  });
}

/** The first line, at most 60 characters of it, with nothing in it that moves a terminal's cursor. */
export function printable(bytes: Buffer): string {
  const line = bytes.toString("latin1").split(/\r?\n/, 1)[0]!.slice(0, 60);
  return line.replaceAll(/[^\x20-\x7e]/g, (each) => `\\x${each.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

export function interrupted(target: string): Problem {
  return new Problem("interrupted", `the probe of ${target} was interrupted`, { culprit: "usage" });
}
