import { expect, it } from "vitest";
import { ladder } from "./ladder.js";

it("tells each message by its sender, in order, and marks the one that ended the handshake for eyes and for ears", () => {
  const { text } = ladder([
    { from: "client", name: "client_hello", details: ["1 ms", "281 bytes"], isFailing: false },
    { from: "server", name: "alert <unknown_ca>", details: [], isFailing: true },
  ]);
  expect([...text.matchAll(/<li class="([^"]+)">/g)].map(([, kind]) => kind)).toEqual(["client", "server failing"]);
  expect(
    text
      .replaceAll(/<[^>]*>/g, "")
      .trim()
      .split("\n"),
  ).toEqual([
    "clientserver",
    "client: client_hello1 ms, 281 bytesserver: ✕ alert &#60;unknown_ca&#62; (ended the handshake)",
  ]);
});
