import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.js";
import { gatherUnits } from "./gather-units.js";
import { parseEnvironmentFile, parseUnit, splitWords } from "./parse-unit.js";

it("joins continued lines over comments and counts the line of the start", () => {
  const text = "# c\n[Service]\nExecStart=/bin/a \\\n  # c\n  --b\r\nUser = x\n\n[Install]\nWantedBy=y\\";
  expect(parseUnit(text)).toEqual([
    { section: "Service", name: "ExecStart", value: "/bin/a --b", line: 3 },
    { section: "Service", name: "User", value: "x", line: 6 },
    { section: "Install", name: "WantedBy", value: "y", line: 9 },
  ]);
});

it.each([
  [`A=1 "B=2 3" 'C=4 "5"' D=\\x`, ["A=1", "B=2 3", 'C=4 "5"', "D=x"]],
  [`"KEYLIME_X=[\\"ca.crt\\"]"`, ['KEYLIME_X=["ca.crt"]']],
  ["", []],
])("splits %s into words", (text, words) => {
  expect(splitWords(text)).toEqual(words);
});

it("reads environment files with and without quotes", () => {
  const text = `# c\nKEYLIME_DIR="/var/lib k"\nexport B='x'\nnonsense\nC=\n`;
  expect(parseEnvironmentFile(text)).toEqual([
    { name: "KEYLIME_DIR", value: "/var/lib k", line: 2 },
    { name: "B", value: "x", line: 3 },
    { name: "C", value: "", line: 5 },
  ]);
});

describe("gatherUnits", () => {
  it("applies drop-ins and environment files, and finds units by their command", async () => {
    await using root = await temporaryDirectory();
    await root.write("usr/lib/systemd/system/other.service", "[Service]\nExecStart=/bin/other\n");
    await root.write("usr/lib/systemd/system/kl.service", "[Service]\nExecStart=/usr/bin/keylime_registrar\n");
    await root.write(
      "usr/lib/systemd/system/keylime_verifier.service",
      "[Service]\nUser=keylime\nExecStart=-/usr/bin/keylime_verifier\nEnvironment=KEYLIME_DIR=/a PATH=/b\n",
    );
    await root.write(
      "etc/systemd/system/keylime_verifier.service.d/20-b.conf",
      "[Service]\nEnvironmentFile=/etc/default/keylime\nEnvironmentFile=-/missing\nEnvironmentFile=/gone\n",
    );
    await root.write(
      "etc/systemd/system/keylime_verifier.service.d/10-a.conf",
      "[Service]\nUser=\nUser=other\nGroup=tss\nSupplementaryGroups=a b\nEnvironment=KEYLIME_DIR=/c\n",
    );
    await root.write("etc/default/keylime", "KEYLIME_VERIFIER_TRUSTED_CLIENT_CA='[\"x.crt\"]'\nSECRET=1\n");

    const dropIn = "/etc/systemd/system/keylime_verifier.service.d/10-a.conf";
    expect(await gatherUnits(root.path)).toEqual([
      {
        service: "keylime_verifier",
        unit: "keylime_verifier.service",
        files: [
          "/usr/lib/systemd/system/keylime_verifier.service",
          dropIn,
          "/etc/systemd/system/keylime_verifier.service.d/20-b.conf",
        ],
        user: { value: "other", file: dropIn, line: 3 },
        group: { value: "tss", file: dropIn, line: 4 },
        supplementaryGroups: ["a", "b"],
        workingDirectory: undefined,
        command: ["/usr/bin/keylime_verifier"],
        environment: {
          KEYLIME_DIR: { value: "/c", file: dropIn, line: 6 },
          KEYLIME_VERIFIER_TRUSTED_CLIENT_CA: { value: '["x.crt"]', file: "/etc/default/keylime", line: 1 },
        },
        problems: [expect.stringMatching(/^\/gone: ENOENT/)],
      },
      expect.objectContaining({ service: "keylime_registrar", unit: "kl.service", user: undefined }),
    ]);
  });

  it("lets a unit of /etc hide the one of /usr/lib, and finds none in an empty root", async () => {
    await using root = await temporaryDirectory();
    expect(await gatherUnits(root.path)).toEqual([]);
    await root.write(
      "usr/lib/systemd/system/spire-server.service",
      "[Service]\nExecStart=/a/spire-server run\nUser=a\n",
    );
    await root.write("etc/systemd/system/spire-server.service", "[Service]\nExecStart=/b/spire-server run\nUser=b\n");
    expect(await gatherUnits(root.path)).toMatchObject([{ command: ["/b/spire-server", "run"], user: { value: "b" } }]);
  });
});
