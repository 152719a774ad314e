import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type KeylimeWorld, startKeylimeWorld } from "../../../test/fakes/keylime-world.js";
import { driveServerHalf, refusalOf } from "../../../test/fakes/server-half-driver.js";
import { startSpireCall } from "../../../test/fakes/spire-call.js";
import type { AttestRequest, AttestResponse } from "../../plugin-sdk/index.js";
import { encodeChallengeResponse, encodePayload, readChallenge } from "../../spire/exchange.js";

let world: KeylimeWorld;
beforeAll(async () => {
  world = await startKeylimeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

it("a refusal that is certain before the quote has come waits for it, since SPIRE would lose it otherwise", async () => {
  using driven = await driveServerHalf(world, world.serverData());
  const call = startSpireCall<AttestRequest, AttestResponse>((each) => driven.half.nodeAttestor.attest!(each));
  const agentId = "00000000-0000-4000-8000-000000000000";
  call.send({ payload: encodePayload({ agentId, hashAlg: "sha256" }) });
  const nonce = readChallenge((await call.receive())!.challenge!);

  const answer = call.receive();
  const ended = answer.then(
    () => "ended",
    () => "ended",
  );
  // Both services answer within a few milliseconds that they do not know the agent.
  expect(await Promise.race([ended, pause(300, "waits")])).toBe("waits");
  expect(driven.metrics).toEqual([]);

  call.send({ challengeResponse: encodeChallengeResponse(world.tpm.quote({ nonce, pcrMask: 0 })) });
  expect(await refusalOf(answer, world)).toMatch(/^FAILED_PRECONDITION .*\[agent-not-enrolled\]/);
});
