import type { X509Certificate } from "node:crypto";
import { checkServerIdentity } from "node:tls";
import { judgeGo } from "../x509/trust/go.js";
import { judgeOpenssl } from "../x509/trust/openssl.js";
import { type ChainVerdict, verdictOn } from "./chain-verdict.js";
import { carriesName } from "./server-name.js";
import { type Stack, stackAnchors } from "./stack.js";

export interface StackQuestion {
  /** As the server sent it, leaf first. */
  chain: readonly X509Certificate[];
  anchors: readonly X509Certificate[];
  serverName: string;
  nowMs: number;
}

export interface StackVerdict {
  chain: ChainVerdict;
  /** Why the name stops this stack; undefined when it does not. */
  nameError: string | undefined;
}

/** Whether a client on this stack would go on after the server's certificate. */
export function judgeAs(stack: Stack, { chain, anchors, serverName, nowMs }: StackQuestion): StackVerdict {
  const question = { chain, anchors: stackAnchors(stack, anchors), purpose: "server", nowMs } as const;
  const verdict = verdictOn(() =>
    stack === "go" ? judgeGo(question) : judgeOpenssl({ ...question, securityLevel: stack === "node" ? 1 : 2 }),
  );
  return { chain: verdict, nameError: nameErrorOf(stack, chain[0]!, serverName) };
}

/** The Keylime agent in Rust accepts any name (`danger_accept_invalid_hostnames`); Node looks at the common name too. */
function nameErrorOf(stack: Stack, leaf: X509Certificate, name: string): string | undefined {
  if (stack === "rust") return undefined;
  if (stack === "node") return checkServerIdentity(name, leaf.toLegacyObject())?.message;
  return carriesName(leaf, name) ? undefined : `the certificate is not valid for the name ${name}`;
}
