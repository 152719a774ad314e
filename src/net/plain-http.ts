import { connect } from "node:net";

/** What can be told of the first bytes of an answer. */
const start = "HTTP/1.";

/**
 * Whether plain HTTP is spoken at an address: one request on a connection of its own. Resolves always; with false when no
 * such answer begins before the signal aborts.
 */
export function answersPlainHttp(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let text = "";
    const finish = (answers: boolean): void => {
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve(answers);
    };
    const onAbort = (): void => finish(false);
    if (signal.aborted) return finish(false);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", () => socket.write("GET /version HTTP/1.0\r\n\r\n"));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1", 0, start.length);
      if (text.length >= start.length) finish(text.startsWith(start));
    });
    socket.once("end", () => finish(false));
    socket.on("error", () => finish(false));
  });
}
