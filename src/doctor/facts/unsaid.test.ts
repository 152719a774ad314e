import { expect, it } from "vitest";
import { isUnsaid } from "./unsaid.js";

it("only a copied machine leaves something unsaid, and only what it does not say", () => {
  const [copy, here] = ["/copy", undefined].map((root) => ({ root, isOffline: true }));
  const source = { file: "/etc/keylime/agent.conf" };
  expect([isUnsaid(copy!, undefined), isUnsaid(copy!, source), isUnsaid(here!, undefined)]).toEqual([
    true,
    false,
    false,
  ]);
});
