import { describe, expect, it } from "vitest";
import { type ExaminedHandshake, examinedHandshake, withoutPlugin } from "../../../test/support/examined-handshake.js";
import type { FaultId } from "../../faults/faults.js";
import type { Outcome } from "../checks/check.js";
import { hypotheses } from "./hypotheses.js";
import type { Examined } from "./judgement.js";

const clear: Outcome = { is: "clear", because: "all is well" };
const unread: Outcome = { is: "unknown", reason: "verifier.conf was not read" };
const found = (summary: string, more: { leg?: string; stops?: boolean } = {}): Outcome => {
  const { leg, stops = true } = more;
  const finding = { summary, stopsAttestation: stops, severity: "error", evidence: [], fix: { action: "" } } as const;
  return { is: "found", findings: [{ ...finding, ...(leg === undefined ? {} : { leg }) }] };
};

function verdictsOf(examined: Examined): Record<string, string> {
  return Object.fromEntries(hypotheses(examined).map(({ id, verdict }) => [id, verdict]));
}

/** Verdict and reasons of one hypothesis. */
function told(id: string, given: ExaminedHandshake): [string, ...string[]] {
  const { verdict, because } = hypotheses(examinedHandshake(given)).find((each) => each.id === id)!;
  return [verdict, ...because.map(({ text }) => text)];
}

const accepted = { presented: "/etc/plugin.crt", outcome: "accepted", status: 200 } as const;
const refused = {
  presented: "/etc/plugin.crt",
  outcome: "refused",
  alert: { number: 48, name: "unknown_ca" },
} as const;
const setting = 'keylime_tls_cert_file = "/etc/plugin.crt"';
const leaf = "/etc/plugin.crt holds CN=plugin, issued by CN=ca";

describe("the hypotheses about plugin and verifier", () => {
  it("stay open without a plugin, each with its reason, in the order in which to ask", () => {
    const all = hypotheses(withoutPlugin());
    expect(all.map(({ id, verdict, because }) => [id, verdict, because.map(({ text }) => text)])).toEqual([
      ["plugin-cannot-present", "unknown", ["no server.conf with Keylime's plugin was read"]],
      ["certificate-lacks-attribute", "unknown", ["no server.conf with Keylime's plugin was read"]],
      ["verifier-refuses-every-certificate", "unknown", ["the verifier's trust is not known"]],
      ["plugin-ca-file-wrong", "unknown", ["no server.conf with Keylime's plugin was read"]],
      ["certificate-not-trusted", "unknown", ["no server.conf with Keylime's plugin was read"]],
    ]);
  });

  it("are all refuted where every check is clear and the certificate is taken", () => {
    const ids: FaultId[] = ["verifier-trust-empty", "plugin-missing-file", "plugin-unreadable-file", "ca-wrong"];
    const outcomes = Object.fromEntries(ids.map((id) => [id, clear]));
    expect(new Set(Object.values(verdictsOf(examinedHandshake({ outcomes, connections: [accepted] }))))).toEqual(
      new Set(["refuted"]),
    );
  });
});

describe("the plugin cannot present a certificate", () => {
  const id = "plugin-cannot-present";

  it("is refuted by a plugin that takes one, with the key and its place", () => {
    const { because } = hypotheses(examinedHandshake({ kind: "go" })).find((each) => each.id === id)!;
    expect(because).toEqual([
      { text: "it is go; it takes a client certificate from keylime_tls_cert_file" },
      { text: setting, file: "/etc/spire/server.conf", line: 4, column: 5 },
    ]);
  });

  it("is open for an executable that is neither", () => {
    expect(told(id, { kind: "unknown" })).toEqual(["unknown", "it is unknown"]);
  });

  it("names the default where the key is not written", () => {
    const text = "keylime_tls_cert_file is not set, so its default /etc/plugin.crt counts";
    expect(told(id, { isDefault: true })).toContain(text);
  });
});

describe("the certificate lacks an attribute", () => {
  const id = "certificate-lacks-attribute";
  const wanted = "the verifier looks at the chain, the dates and the purpose clientAuth, at no name";

  it.each([
    [undefined, "refuted", "has no extended key usage, which allows every one"],
    [["serverAuth", "clientAuth"], "refuted", "is for serverAuth and clientAuth"],
    [["anyExtendedKeyUsage"], "refuted", "is for anyExtendedKeyUsage"],
    [["serverAuth"], "confirmed", "is for serverAuth"],
  ])("judges the usages %j as %s", (eku, verdict, words) => {
    const given = eku === undefined ? {} : { eku };
    expect(told(id, given)).toEqual([verdict, `its certificate ${words}; ${wanted}`, leaf]);
  });

  it("is confirmed by a finding on this leg and by none on another", () => {
    const outcomes = (leg: string) => ({ "cert-weak": found("a weak key", { leg }) });
    expect(told(id, { outcomes: outcomes("plugin->verifier") })).toEqual(["confirmed", "a weak key [cert-weak]"]);
    expect(told(id, { outcomes: outcomes("verifier->agent") })[0]).toBe("refuted");
  });

  it("is open where the file was not read", () => {
    expect(told(id, { eku: "unread" })).toEqual(["unknown", "/etc/plugin.crt was not read"]);
  });
});

describe("the verifier refuses every certificate", () => {
  const id = "verifier-refuses-every-certificate";
  const outcomes = { "verifier-trust-empty": found("trusted_client_ca is empty") };
  const written = "trusted_client_ca is empty [verifier-trust-empty]";

  it("is confirmed by its configuration", () => {
    expect(told(id, { outcomes })).toEqual(["confirmed", written]);
  });

  it("is refuted by a certificate that it takes, whatever its files say", () => {
    const live = "10.0.0.7:8881, /etc/plugin.crt presented: HTTP 200";
    expect(told(id, { outcomes, connections: [accepted] })).toEqual(["refuted", live, written]);
  });

  it("is not refuted by a connection without a certificate, nor by one that was not asked for its own", () => {
    expect(told(id, { outcomes, connections: [{ outcome: "accepted", status: 403 }] })[0]).toBe("confirmed");
    expect(told(id, { outcomes, connections: [{ ...accepted, asked: null }] })[0]).toBe("confirmed");
  });

  it("is refuted where the check is clear, and open where it could not judge", () => {
    const [verdict, why] = told(id, { outcomes: { "verifier-trust-empty": clear } });
    expect([verdict, why]).toEqual(["refuted", expect.stringMatching(/: all is well$/)]);
    expect(told(id, { outcomes: { "verifier-trust-empty": unread } })).toEqual([
      "unknown",
      "verifier.conf was not read",
    ]);
  });
});

describe("the plugin's CA file is the wrong one", () => {
  const id = "plugin-ca-file-wrong";
  const own = 'keylime_tls_ca_cert_file = "/etc/ca.crt"';
  const missing = (path: string) => ({ "plugin-missing-file": found(`${path} does not exist`) });

  it("is confirmed by that file's absence, for the plugin that does not verify too", () => {
    const outcomes = missing("/etc/ca.crt");
    const words = ["confirmed", "/etc/ca.crt does not exist [plugin-missing-file]"];
    expect(told(id, { outcomes })).toEqual(words);
    expect(told(id, { outcomes, verifiesServer: false })).toEqual(words);
  });

  it("has nothing to do with another file that is missing", () => {
    expect(told(id, { outcomes: missing("/etc/other.crt") })).toEqual(["unknown", own, "not judged"]);
  });

  it("cannot be what refuses where the plugin does not verify", () => {
    const wrong = { "ca-wrong": found("/etc/ca.crt vouches for nobody") };
    expect(told(id, { outcomes: wrong })[0]).toBe("confirmed");
    const text = "the Go plugin reads the file and does not verify the verifier with it, so it cannot be what refuses";
    expect(told(id, { outcomes: wrong, verifiesServer: false })).toEqual(["refuted", own, text]);
  });

  it("is refuted only where all three checks are clear", () => {
    const all = { "plugin-missing-file": clear, "plugin-unreadable-file": clear, "ca-wrong": clear };
    expect(told(id, { outcomes: all }).slice(0, 2)).toEqual(["refuted", own]);
    expect(told(id, { outcomes: { ...all, "plugin-unreadable-file": unread } })).toEqual([
      "unknown",
      own,
      "verifier.conf was not read",
    ]);
  });
});

describe("the verifier does not trust the certificate", () => {
  const id = "certificate-not-trusted";
  const foreign = { "ca-wrong": found("issued by another PKI", { leg: "plugin->verifier" }) };

  it("is decided by what was seen, with the findings as its reasons", () => {
    expect(told(id, { connections: [refused], outcomes: foreign })).toEqual([
      "confirmed",
      setting,
      leaf,
      "10.0.0.7:8881, /etc/plugin.crt presented: alert 48 unknown_ca",
      "issued by another PKI [ca-wrong]",
    ]);
    expect(told(id, { connections: [accepted], outcomes: foreign })).toEqual([
      "refuted",
      setting,
      leaf,
      "10.0.0.7:8881, /etc/plugin.crt presented: HTTP 200",
    ]);
  });

  it("is confirmed unseen by what stops attestation on this leg, by nothing less", () => {
    expect(told(id, { outcomes: foreign })[0]).toBe("confirmed");
    const other = { "ca-wrong": found("elsewhere", { leg: "verifier->agent" }) };
    const lesser = { "cert-order": found("out of order", { stops: false }) };
    expect([told(id, { outcomes: other })[0], told(id, { outcomes: lesser })[0]]).toEqual(["unknown", "unknown"]);
  });

  it("is open where the connection came to nothing and the checks could not judge", () => {
    const outcomes = { "verifier-trust-empty": unread };
    expect(told(id, { outcomes, connections: [{ presented: "/etc/plugin.crt", outcome: "unknown" }] })).toEqual([
      "unknown",
      setting,
      leaf,
      "verifier.conf was not read",
    ]);
  });
});
