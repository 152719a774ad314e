import { expect, it } from "vitest";
import { LabText } from "./lab.js";
import { styleFor } from "./style.js";

const plain = styleFor({ colour: false });
const longest = (text: string) => Math.max(...text.split("\n").map(({ length }) => length));
const uuid = "7b2cc6eb-ae0d-44f1-ad69-3d1e88d74b80";

function story(columns?: number): string {
  const text = new LabText(plain, "/tmp/lab", columns);
  return [
    text.opening(false, []),
    text.event({
      type: "exchange",
      messages: [
        {
          step: "payload",
          from: "agent",
          at_ms: 1,
          took_ms: 1,
          bytes: 83,
          facts: { agent_id: uuid, hash_alg: "sha256" },
        },
      ],
    }),
    text.event({
      type: "file",
      path: "/tmp/lab/etc/spire/server.conf",
      lines: [{ number: 30, text: "key = 1", mark: "the Go plugin knows another key only: this line is dropped" }],
    }),
    text.event({ type: "outcome", as_expected: true, text: `refused ${uuid}`, why: `it presented ${uuid} ${uuid}` }),
  ].join("");
}

it("the lab's story fits the terminal it is told on, and 120 columns elsewhere", () => {
  expect(longest(story(80))).toBeLessThanOrEqual(80);
  expect(longest(story())).toBeLessThanOrEqual(120);
  expect(story()).toContain(`agent id ${uuid}, hash sha256 (83 bytes)\n`);
});

it("an error of SPIRE stays on one line, however narrow the terminal", () => {
  const text = `INTERNAL nodeattestor(keylime): ${"word ".repeat(40)}`;
  expect(
    new LabText(plain, "/tmp/lab", 60).event({ type: "log", source: "spire-agent", level: "error", text }),
  ).toContain(text);
});
