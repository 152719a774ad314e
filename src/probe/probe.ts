import type { X509Certificate } from "node:crypto";
import type { ClientCredentials } from "./client-credentials.js";
import type { ConnectionStory } from "./connection-story.js";
import { tls12, tls13 } from "./handshake/wire-versions.js";
import { presentingOf } from "./presenting.js";
import { runConnection } from "./probe-connection.js";
import type { Stack } from "./stack.js";

export const tlsChoices = ["auto", "1.2", "1.3", "both"] as const;
export type TlsChoice = (typeof tlsChoices)[number];

export interface ProbePlan {
  host: string;
  port: number;
  serverName: string;
  alpn: readonly string[];
  tls: TlsChoice;
  /** Each is one connection per version; before them comes one without a certificate. */
  candidates: readonly ClientCredentials[];
  /** What the imitated stack completes its chain from. */
  anchors: readonly X509Certificate[];
  stack: Stack | undefined;
  httpPath: string | undefined;
  timeoutMs: number;
  signal?: AbortSignal;
  /** Told of each connection as it ends. */
  onConnection?: (story: ConnectionStory) => void;
}

/** `auto` offers both at once, as every client does; `both` asks for each by itself. */
const offers: Record<TlsChoice, readonly (readonly number[])[]> = {
  auto: [[tls13, tls12]],
  "1.2": [[tls12]],
  "1.3": [[tls13]],
  both: [[tls13], [tls12]],
};

/** One connection after the other. What cannot be reached, or speaks no TLS, is not tried again. */
export async function probe(plan: ProbePlan): Promise<ConnectionStory[]> {
  const stories: ConnectionStory[] = [];
  for (const versions of offers[plan.tls]) {
    for (const candidate of [undefined, ...plan.candidates]) {
      const story = await connectOnce(plan, versions, candidate);
      stories.push(story);
      plan.onConnection?.(story);
      if (plan.signal?.aborted || (story.problem !== undefined && story.version === undefined)) return stories;
    }
  }
  return stories;
}

function connectOnce(
  plan: ProbePlan,
  versions: readonly number[],
  candidate: ClientCredentials | undefined,
): Promise<ConnectionStory> {
  const { host, port, serverName, alpn, timeoutMs, httpPath, signal } = plan;
  return runConnection({
    host,
    port,
    offer: { versions, serverName, alpn },
    candidate,
    presenting: candidate && presentingOf(plan.stack, candidate, plan.anchors),
    timeoutMs,
    httpPath,
    ...(signal === undefined ? {} : { signal }),
  });
}
