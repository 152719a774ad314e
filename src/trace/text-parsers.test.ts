import { describe, expect, it } from "vitest";
import { mutations } from "../../test/support/mutations.js";
import { nameText } from "../x509/distinguished-name.js";
import { addressText, parseAddress } from "./address.js";
import { KeyLog } from "./key-log.js";

describe("nameText", () => {
  const name = Buffer.from("301f310e300c060355040a0c05546f776572310d300b06035504030c04526f6f74", "hex");

  it("prints a name most specific first", () => expect(nameText(name)).toBe("CN=Root, O=Tower"));

  it("prints a name that does not read as hex, whatever is wrong with it", () => {
    for (let length = 0; length < name.length; length++) {
      expect(nameText(name.subarray(0, length))).toBe(`unreadable name ${name.toString("hex", 0, length)}`);
    }
    for (const damaged of mutations(name, 15_000)) expect(nameText(damaged)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe("KeyLog", () => {
  const random = "ab".repeat(32);
  const line = `CLIENT_HANDSHAKE_TRAFFIC_SECRET ${random} ${"cd".repeat(32)}`;

  it("keeps the secrets of TLS 1.3 and passes over the rest", () => {
    const log = new KeyLog();
    log.add(`# comment\r\nCLIENT_RANDOM ${random} ${"00".repeat(48)}\n${line}\r\nnonsense\n`);
    expect(log.find(Buffer.from(random, "hex"))).toEqual({ clientHandshake: Buffer.from("cd".repeat(32), "hex") });
    expect(log.connections).toBe(1);
  });

  it("forgets the oldest connections beyond its limit", () => {
    const log = new KeyLog();
    for (let i = 0; i < 100_010; i++) log.add(line.replace(random, i.toString(16).padStart(64, "0")));
    expect([log.connections, log.forgotten]).toEqual([100_000, 10]);
  });

  it("survives damage", () => {
    for (const damaged of mutations(Buffer.from(`${line}\n${line}`), 10_000))
      new KeyLog().add(damaged.toString("latin1"));
  });
});

describe("addresses", () => {
  it.each(["10.0.0.1", "::1", "2001:db8::5:0:1", "fe80::1", "::", "1:2:3:4:5:6:7:8"])(
    "%s reads and prints the same",
    (text) => {
      expect(addressText(parseAddress(text)!)).toBe(text);
    },
  );

  it("reads IPv4 inside IPv6", () => expect(addressText(parseAddress("::ffff:10.0.0.1")!)).toBe("::ffff:a00:1"));
  it.each(["host", "", "1.2.3", "fe80::1%eth0"])("refuses %j", (text) => expect(parseAddress(text)).toBeUndefined());
});
