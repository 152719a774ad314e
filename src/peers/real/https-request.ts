import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

export interface HttpsRequest {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  /** PEM of the CAs that may have issued the server's certificate. */
  caPem?: string;
  /** PEM of the client's certificate chain and key; none is presented without. */
  identity?: { certPem: string; keyPem: string };
  /** Sent as JSON. */
  body?: unknown;
  timeoutMs?: number;
}

export interface HttpsAnswer {
  status: number;
  text: string;
  /** The body as JSON, undefined when it is none: Keylime's errors may have an empty or an HTML body. */
  json: unknown;
}

/** One request on a connection of its own, by http or https as the URL says. */
export function httpsRequest(url: string, options: HttpsRequest = {}): Promise<HttpsAnswer> {
  const { method = "GET", caPem, identity, body, timeoutMs = 10_000 } = options;
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const start = url.startsWith("https:") ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = start(
      url,
      {
        method,
        agent: false,
        signal: AbortSignal.timeout(timeoutMs),
        headers: payload === undefined ? {} : { "content-type": "application/json" },
        ca: caPem,
        cert: identity?.certPem,
        key: identity?.keyPem,
      },
      (incoming) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (piece: string) => {
          text += piece;
        });
        incoming.once("error", reject);
        incoming.once("end", () => resolve({ status: incoming.statusCode ?? 0, text, json: jsonOf(text) }));
      },
    );
    outgoing.once("error", reject);
    outgoing.end(payload);
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
