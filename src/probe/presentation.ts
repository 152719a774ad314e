import type { KeyObject } from "node:crypto";
import { chooseScheme } from "../tls/signature-choice.js";
import { signatureSchemes } from "../tls/tables/signature-schemes.js";
import type { HandshakeContext } from "./handshake/handshake-context.js";

export interface Presentation {
  chain: readonly Buffer[];
  key: KeyObject;
  scheme: number;
}

/** What answers the server's request, undefined for "no certificate"; the story is told either way. */
export function choosePresentation(
  { presenting, story }: HandshakeContext,
  version: "1.2" | "1.3",
  wanted: readonly number[],
): Presentation | undefined {
  story.sentChain = [];
  if (presenting === undefined || presenting.chain.length === 0) return undefined;
  story.withheld = story.request && presenting.withhold?.(story.request);
  if (story.withheld !== undefined) return undefined;
  const { key } = presenting.credentials;
  const scheme = chooseScheme(version, key, wanted);
  if (scheme === undefined) {
    const names = wanted.map((each) => signatureSchemes.name(each)).join(", ");
    story.withheld = `the server takes no signature that a key of type ${key.asymmetricKeyType} can make (${names})`;
    return undefined;
  }
  story.sentChain = presenting.chain;
  return { chain: presenting.chain, key, scheme };
}
