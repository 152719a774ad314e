import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Problem, problemLine } from "../core/problem.js";
import { agentId, agentPathTemplateFlaw, pathSegmentFlaw, trustDomainFlaw } from "./spiffe-id.js";

const template = "{{ .PluginName }}/{{ .UUID }}";

describe("agentId", () => {
  it.each([
    [
      template,
      "d432fbb3-d2f1-4a97-9ef7-75bd81c00000",
      "spiffe://example.org/spire/agent/keylime/d432fbb3-d2f1-4a97-9ef7-75bd81c00000",
    ],
    ["/{{.PluginName}}/rack1/{{.UUID}}", "A.b_c-1", "spiffe://example.org/spire/agent/keylime/rack1/A.b_c-1"],
    ["node-{{ .UUID }}", "$&", undefined],
    ["{{ .UUID }}", "...", "spiffe://example.org/spire/agent/..."],
  ])("fills %s", (text, uuid, expected) => {
    if (expected === undefined) expect(() => agentId("example.org", text, uuid)).toThrow(Problem);
    else expect(agentId("example.org", text, uuid)).toBe(expected);
  });

  it.each(["..", ".", "", "a/b", "é", "a b", "a?b", "a%2e", "ﬀ", "٣", "a\n", "x".repeat(2048)])(
    "refuses the Keylime agent id %j, which SPIFFE does not take",
    (uuid) => {
      try {
        expect(agentId("example.org", template, uuid)).toBe("refused");
      } catch (error) {
        expect(error).toMatchObject({ code: "agent-id-not-spiffe-safe", culprit: "peer" });
        expect(problemLine(error as Problem).length).toBeLessThan(400);
      }
    },
  );

  it("makes different IDs of different nodes, or none", () => {
    const id = fc.string({ unit: fc.constantFrom("a", "A", ".", "-", "_", "/", "{", "é"), maxLength: 6 });
    fc.assert(
      fc.property(id, id, fc.constantFrom(template, "{{.UUID}}{{.UUID}}", "x-{{.UUID}}.y/{{.UUID}}"), (a, b, text) => {
        fc.pre(a !== b && pathSegmentFlaw(a) === undefined && pathSegmentFlaw(b) === undefined);
        expect(agentId("td", text, a)).not.toBe(agentId("td", text, b));
        expect(agentId("td", text, a)).toMatch(/^spiffe:\/\/td\/spire\/agent(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._-]+)+$/);
      }),
    );
  });

  it("refuses a trust domain that is none", () => {
    expect(() => agentId("Example.org", template, "x")).toThrow(/^cannot use "Example.org" as trust domain: /);
  });
});

describe("trustDomainFlaw", () => {
  it.each(["example.org", "a", "under_score-1", "127.0.0.1"])("takes %s", (name) => {
    expect(trustDomainFlaw(name)).toBeUndefined();
  });
  it.each(["", "Example.org", "a/b", "a:1", "é", "x".repeat(256)])("refuses %j", (name) => {
    expect(trustDomainFlaw(name)).toBeTypeOf("string");
  });
});

describe("agentPathTemplateFlaw", () => {
  it.each([template, "/{{.UUID}}", "a/b/{{  .UUID  }}-x"])("takes %s", (text) => {
    expect(agentPathTemplateFlaw(text)).toBeUndefined();
  });
  it.each([
    ["x", "it lacks {{ .UUID }}, so all nodes would share one SPIFFE ID"],
    ["{{ .UUID }}/", "a path segment is empty"],
    ["//{{ .UUID }}", "a path segment is empty"],
    ["./{{ .UUID }}", 'a path segment may not be "."'],
    ["{{ .UUID }}?x", "a path segment may hold the letters A to Z and a to z, digits, dots, dashes and underscores"],
    [
      "{{ .UUID }}{{ .UUID",
      "a path segment may hold the letters A to Z and a to z, digits, dots, dashes and underscores",
    ],
    [
      "{{ UUID }}",
      "{{ UUID }} is none of its placeholders {{ .PluginName }} and {{ .UUID }}: did you mean {{ .UUID }}?",
    ],
    [
      "{{ .UUID }}/{{- .UUID }}",
      "{{ - .UUID }} is none of its placeholders {{ .PluginName }} and {{ .UUID }}: did you mean {{ .UUID }}?",
    ],
    [`{{ .UUID }}/${"x".repeat(2000)}`, "it is too long"],
  ])("refuses %s", (text, flaw) => expect(agentPathTemplateFlaw(text)).toBe(flaw));
});
