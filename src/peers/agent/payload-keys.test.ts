import { generateKeyPairSync } from "node:crypto";
import { stat } from "node:fs/promises";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../../../test/support/temporary-directory.js";
import { PayloadKeys } from "./payload-keys.js";

it("a payload key is kept in its file, which only its owner can read", async () => {
  await using directory = await temporaryDirectory("payload-key");
  const file = directory.file("payload-private.pem");
  const first = await PayloadKeys.create("a", file);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await PayloadKeys.create("a", file)).publicPem).toBe(first.publicPem);
  expect((await PayloadKeys.create("a")).publicPem).not.toBe(first.publicPem);
});

it.each([
  ["no key", () => "nonsense", /unsupported|DECODER/i],
  [
    "a key of another kind",
    () => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    /expected an RSA key, found ed25519$/,
  ],
])("a payload key file with %s is refused", async (_, text, why) => {
  await using directory = await temporaryDirectory("payload-key");
  const file = await directory.write("payload-private.pem", text());
  const problem = await PayloadKeys.create("a", file).then(
    () => undefined,
    (error) => error,
  );
  expect(problem).toMatchObject({ code: "agent-payload-key" });
  expect(problem.message).toMatch(/^cannot load the Keylime agent's payload key "/);
  expect(problem.message).toMatch(why);
});
