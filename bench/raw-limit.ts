import { readFile } from "node:fs/promises";
import { request as requestPlain } from "node:http";
import { Agent, request } from "node:https";
import type { BenchNode, World } from "./world.js";

/** What the three requests of one attestation cost without any plugin, in milliseconds per attestation. */
export interface RawSample {
  /** Both records asked for at the same time, then the quote verified: the order a server half has to keep. */
  allMs: number;
  /** The verification of the quote alone, which cannot begin before the quote is there. */
  verifyMs: number;
}

export interface RawLimit {
  /** One after the other. */
  sample(count: number): Promise<RawSample[]>;
  /** How many of them end in a second with so many in flight: no plugin of three requests can attest more. */
  perSecond(count: number, inFlight: number): Promise<number>;
  close(): void;
}

/** Kept-alive connections to both services, and one real quote to verify again and again. */
export async function openRawLimit(node: BenchNode, files: World["files"]): Promise<RawLimit> {
  const [ca, cert, key] = await Promise.all([files.ca, files.cert, files.key].map((file) => readFile(file)));
  const agent = new Agent({ ca, cert, key, keepAlive: true, maxSockets: 8 });
  const get = (at: { host: string; port: number }, path: string) =>
    text((done) => request({ ...at, agent, path }, done));
  const nonce = "A".repeat(32);
  const quotePath = `/v2.2/quotes/identity?nonce=${nonce}`;
  const quoteAnswer = await text((done) => requestPlain({ ...node.keylimeAgent, path: quotePath }, done));
  const { quote } = (JSON.parse(quoteAnswer) as { results: { quote: string } }).results;
  const query = new URLSearchParams({ agent_uuid: node.agentId, hash_alg: "sha256", nonce, quote });
  const verifyPath = `/v2.5/verify/identity?${query}`;
  const verdict = JSON.parse(await get(node.verifier, verifyPath)) as { results?: { valid?: number } };
  if (verdict.results?.valid !== 1)
    throw new Error(`the verifier does not accept the quote: ${JSON.stringify(verdict)}`);

  const one = async (): Promise<RawSample> => {
    const startedMs = performance.now();
    const path = `/v2.5/agents/${node.agentId}`;
    await Promise.all([get(node.verifier, path), get(node.registrar, path)]);
    const askedMs = performance.now();
    await get(node.verifier, verifyPath);
    return { allMs: performance.now() - startedMs, verifyMs: performance.now() - askedMs };
  };
  const sample = async (count: number) => {
    const samples: RawSample[] = [];
    for (let i = 0; i < count; i++) samples.push(await one());
    return samples;
  };
  return {
    sample,
    async perSecond(count, inFlight) {
      const startedMs = performance.now();
      const share = Math.ceil(count / inFlight);
      await Promise.all(Array.from({ length: inFlight }, () => sample(share)));
      return ((share * inFlight) / (performance.now() - startedMs)) * 1000;
    },
    close: () => agent.destroy(),
  };
}

function text(
  send: (done: (answer: import("node:http").IncomingMessage) => void) => import("node:http").ClientRequest,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = send((answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (piece: string) => {
        body += piece;
      });
      answer.on("error", reject).on("end", () => {
        if (answer.statusCode === 200) resolve(body);
        else reject(new Error(`${answer.statusCode}: ${body}`));
      });
    });
    call.on("error", reject).end();
  });
}
