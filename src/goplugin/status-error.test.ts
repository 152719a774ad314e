import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Problem } from "../core/problem.js";
import { fromServiceError, StatusCode, statusError, toStatusError } from "./status-error.js";

const described = (thrown: unknown) => {
  const { code, message } = toStatusError(thrown);
  return [StatusCode[code], message];
};

describe("toStatusError", () => {
  it.each([
    [statusError(StatusCode.PERMISSION_DENIED, "no"), "PERMISSION_DENIED", "no"],
    [new Problem("a-b", "cannot x", { culprit: "network", hint: "do y" }), "UNAVAILABLE", "[a-b] cannot x; do y"],
    [new Problem("a-b", "cannot x", { culprit: "configuration" }), "FAILED_PRECONDITION", "[a-b] cannot x"],
    [new Problem("a-b", "cannot x", { culprit: "peer" }), "FAILED_PRECONDITION", "[a-b] cannot x"],
    [new Problem("a-b", "cannot x", { culprit: "usage" }), "INVALID_ARGUMENT", "[a-b] cannot x"],
    [new Problem("a-b", "cannot x", { culprit: "ours" }), "INTERNAL", "[a-b] cannot x"],
    [new DOMException("stopped", "AbortError"), "CANCELLED", "stopped"],
    [new DOMException("too late", "TimeoutError"), "DEADLINE_EXCEEDED", "too late"],
    [new Error("first\n  second\r\nthird\u0007"), "INTERNAL", "first second third "],
    ["text", "INTERNAL", "text"],
    [undefined, "INTERNAL", "undefined"],
    [Object.create(null), "INTERNAL", "unprintable error"],
    [new Error("half \ud83d"), "INTERNAL", "half \ufffd"],
    [new Error("x".repeat(5000)), "INTERNAL", `${"x".repeat(4096)}…`],
  ])("answers %o", (thrown, code, message) => expect(described(thrown)).toEqual([code, message]));

  it("makes a message the gRPC library can write of any text", () => {
    const text = fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units));
    fc.assert(
      fc.property(text, (thrown) => {
        const { message } = toStatusError(new Error(thrown));
        expect(() => encodeURI(message)).not.toThrow();
        expect(message).not.toMatch(/[\r\n]/);
      }),
    );
  });
});

describe("fromServiceError", () => {
  it("keeps the code and the message of the peer", () => {
    const error = Object.assign(new Error("5 NOT_FOUND: no such agent"), { code: 5, details: "no such agent" });
    expect(fromServiceError(error)).toMatchObject({ code: StatusCode.NOT_FOUND, message: "no such agent" });
    expect(fromServiceError(new Error("x"))).toMatchObject({ code: StatusCode.INTERNAL, message: "x" });
  });
});
