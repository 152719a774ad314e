import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Problem } from "../core/problem.js";
import { dialTarget, handshakeLine, parseHandshakeLine } from "./handshake-line.js";

describe("handshake line", () => {
  const line = "1|1|unix|/tmp/plugin123|grpc|";

  it("is written as Go hosts read it", () => {
    expect(handshakeLine({ protocolVersion: 1, network: "unix", address: "/tmp/plugin123" })).toBe(line);
  });

  it("reads what Go plugins write", () => {
    const handshake = { protocolVersion: 1, network: "unix", address: "/tmp/plugin123" };
    expect(parseHandshakeLine(line, [1])).toEqual(handshake);
    expect(parseHandshakeLine("1|1|unix|/tmp/plugin123|grpc\r", [1])).toEqual(handshake);
    expect(parseHandshakeLine("1|2|tcp|127.0.0.1:10000|grpc||true", [1, 2])).toEqual({
      protocolVersion: 2,
      network: "tcp",
      address: "127.0.0.1:10000",
    });
  });

  it.each([
    ["", 'the first line on its stdout is ""'],
    ["hello", 'the first line on its stdout is "hello"'],
    ["2|1|unix|/a|grpc|", "core protocol version 2, expected 1"],
    ["1|7|unix|/a|grpc|", "application protocol version 7, expected one of 1"],
    ["1|1e0|unix|/a|grpc|", "application protocol version 1e0, expected one of 1"],
    ["1|1|pipe|/a|grpc|", 'network "pipe"'],
    ["1|1|unix||grpc|", "empty address"],
    ["1|1|unix|/a", 'protocol "netrpc", expected "grpc"'],
    [`1|1|unix|/a|grpc|${"A".repeat(51)}`, "it asks for TLS that this host did not offer"],
  ])("refuses %j", (text, why) => {
    expect(() => parseHandshakeLine(text, [1])).toThrow(`cannot shake hands with the plugin: ${why}`);
  });

  it("takes or refuses any text with a Problem", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.nat(line.length).map((end) => line.slice(0, end)),
        ),
        (text) => {
          try {
            parseHandshakeLine(text, [1]);
          } catch (error) {
            expect(error).toBeInstanceOf(Problem);
          }
        },
      ),
    );
  });

  it("names what the gRPC library dials", () => {
    expect([dialTarget("unix", "/a"), dialTarget("tcp", "127.0.0.1:1")]).toEqual(["unix:/a", "127.0.0.1:1"]);
  });
});
