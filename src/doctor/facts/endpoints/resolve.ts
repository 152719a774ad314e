import { lookup } from "node:dns/promises";
import { connect, isIP } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { errorText } from "../../../core/problem.js";
import { type Fact, known, unknown } from "../fact.js";
import type { TcpResult } from "./endpoint-facts.js";
import type { LiveOptions } from "./endpoint-plan.js";

/** More addresses than any service of this kind has. */
const mostAddresses = 4;

/** Addresses of a host in the system's order. The system's look-up cannot be cancelled, only left behind. */
export async function resolveHost(host: string, { timeoutMs, signal }: LiveOptions): Promise<Fact<string[]>> {
  if (isIP(host) !== 0) return known([host], "the address itself");
  const source = `look-up of ${host}`;
  const stop = new AbortController();
  const patience = AbortSignal.any([stop.signal, ...(signal === undefined ? [] : [signal])]);
  const late = delay(timeoutMs, undefined, { signal: patience, ref: true }).then(
    () => unknown(`no answer within ${timeoutMs} ms`, source),
    () => unknown("interrupted", source),
  );
  const found = lookup(host, { all: true }).then(
    (answers) => known([...new Set(answers.map(({ address }) => address))].slice(0, mostAddresses), source),
    (error: unknown) => unknown(errorText(error), source),
  );
  try {
    return await Promise.race([found, late]);
  } finally {
    stop.abort();
  }
}

/** Opens and closes one TCP connection. */
export function tryTcp(address: string, port: number, { timeoutMs, signal }: LiveOptions): Promise<TcpResult> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const finish = (outcome: TcpResult["outcome"], detail: string): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve({ address, outcome, detail });
    };
    const onAbort = (): void => finish("failed", "interrupted");
    const timer = setTimeout(() => finish("timeout", `no answer within ${timeoutMs} ms`), timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", () => finish("connected", "connected"));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNREFUSED" ? finish("refused", "connection refused") : finish("failed", errorText(error)),
    );
  });
}
