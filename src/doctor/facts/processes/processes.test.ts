import { describe, expect, it } from "vitest";
import { shownCommand, shownValue } from "./hidden-values.js";
import { parseListeningSockets } from "./listening-sockets.js";
import { serviceOf } from "./program.js";

describe("serviceOf", () => {
  it.each([
    [["/opt/spire/bin/spire-server", "run", "-config", "x"], "spire-server"],
    [["spire-server", "agent", "list"], undefined],
    [["/usr/bin/python3.11", "/usr/local/bin/keylime_registrar"], "keylime_registrar"],
    [["python3", "-E", "-m", "keylime.cmd.verifier"], "keylime_verifier"],
    [["python3", "-m", "http.server"], undefined],
    [["python3"], undefined],
    [["/usr/bin/keylime_agent"], "keylime_agent"],
    [["vi", "keylime_agent"], undefined],
    [[], undefined],
  ])("takes %j for %s", (command, service) => {
    expect(serviceOf(command)).toBe(service);
  });
});

it("reads listening sockets of both families, and no others", () => {
  const text = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 0100007F:22B1 00000000:0000 0A 00000000:00000000 00:00000000 00000000   990        0 4711 1 x 100 0",
    "   1: 0100007F:22B1 0100007F:9999 01 00000000:00000000 00:00000000 00000000   990        0 4712 1 x 100 0",
    "   2: 00000000000000000000000001000000:22BA 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4713 1 x",
    "   3: 0000000000000000FFFF00000100007F:22BA 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 4714 1 x",
    "   4: broken",
  ].join("\n");
  expect(parseListeningSockets(text)).toEqual([
    { address: "127.0.0.1", port: 8881, inode: "4711", uid: 990 },
    { address: "::1", port: 8890, inode: "4713", uid: 0 },
    { address: "127.0.0.1", port: 8890, inode: "4714", uid: 0 },
  ]);
});

it("hides values that may be secret, and no paths", () => {
  expect(shownValue("KEYLIME_VERIFIER_SERVER_KEY_PASSWORD", "x")).toBe("(hidden)");
  expect(shownValue("KEYLIME_VERIFIER_DATABASE_URL", "sqlite")).toBe("(hidden)");
  expect(shownValue("WEBHOOK_URL", "https://u:p@host/")).toBe("(hidden)");
  expect(shownValue("KEYLIME_VERIFIER_CONFIG", "/etc/keylime/verifier.conf")).toBe("/etc/keylime/verifier.conf");
  expect(shownValue("key_password_file", "/run/p")).toBe("/run/p");
  expect(shownCommand(["x", "--password=a", "-joinToken", "b", "-config", "c", "-token", "-v"])).toEqual([
    "x",
    "--password=(hidden)",
    "-joinToken",
    "(hidden)",
    "-config",
    "c",
    "-token",
    "-v",
  ]);
});
