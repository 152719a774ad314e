import { describe, expect, it } from "vitest";
import { Problem, problemLine } from "../../core/problem.js";
import { commentedOptions } from "./commented-option.js";
import { findOption } from "./document.js";
import { editIni, type IniChange } from "./edit.js";
import { parseIni } from "./parser.js";

/** The verifier.conf of the field report, with a continued value and its section named as Keylime reads it. */
const verifierConf = `# Keylime verifier
[verifier]
tls_dir = /etc/keylime/certs
enable_agent_mtls = False
TLS_Extra: [
  # both halves
  "a",

  "b"]
trusted_server_ca = ["ca.crt"]
#trusted_client_ca = ["ca.crt"]  # Currently commented out

[revocations]
; none
webhook_url =
`;

function problemOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof Problem) return problemLine(error);
    throw error;
  }
  return "done";
}

const edited = (text: string, ...changes: IniChange[]): string => editIni(parseIni(text), changes);

describe("parseIni", () => {
  it("says where every section, option and line of a value stands", () => {
    const document = parseIni(verifierConf);
    const cut = ({ line, column, start, end }: { line: number; column: number; start: number; end: number }) =>
      `${line}:${column} ${verifierConf.slice(start, end)}`;
    expect(
      document.sections.map(({ nameSpan, options }) => [
        cut(nameSpan),
        ...options.map(({ key, valueLines, value }) => [cut(key), valueLines.map(cut), value]),
      ]),
    ).toEqual([
      [
        "2:2 verifier",
        ["3:1 tls_dir", ["3:11 /etc/keylime/certs"], "/etc/keylime/certs"],
        ["4:1 enable_agent_mtls", ["4:21 False"], "False"],
        ["5:1 TLS_Extra", ["5:12 [", '7:3 "a",', '9:3 "b"]'], '[\n"a",\n\n"b"]'],
        ["10:1 trusted_server_ca", ['10:21 ["ca.crt"]'], '["ca.crt"]'],
      ],
      ["13:2 revocations", ["15:1 webhook_url", ["15:14 "], ""]],
    ]);
    expect(document.comments.map(({ section, span }) => [section, cut(span)])).toEqual([
      [-1, "1:1 # Keylime verifier"],
      [0, "6:3 # both halves"],
      [0, '11:1 #trusted_client_ca = ["ca.crt"]  # Currently commented out'],
      [1, "14:1 ; none"],
    ]);
  });

  it("finds options without regard to case, and what stands commented out", () => {
    const document = parseIni(verifierConf);
    expect(findOption(document, "verifier", "tls_extra")?.key.line).toBe(5);
    expect(findOption(document, "registrar", "tls_dir")).toBeUndefined();
    expect(commentedOptions(document, "verifier", "trusted_client_ca").map(({ value }) => value)).toEqual([
      '["ca.crt"]  # Currently commented out',
    ]);
    expect(commentedOptions(document, "revocations", "trusted_client_ca")).toEqual([]);
  });

  it.each([
    [
      "[a]\nb = 1\nB = 2\n",
      "option B of section [a] is given twice, first on line 2 (v.conf:3:1); remove one of the two",
    ],
    ["[a]\n [a]\n", "section [a] is given twice, first on line 1 (v.conf:2:2); remove one of the two"],
    ["b = 1\n", "no section comes before (v.conf:1:1); put a header such as [verifier] before this line"],
    [
      "\ufeff[a]\n",
      "the file starts with a byte order mark, so its first line is no section (v.conf:1:1); save the file as UTF-8 without byte order mark",
    ],
    [
      "[a]\nb\n\n",
      "this line is neither [section] nor option = value (v.conf:2:1); comment it out with #, or indent it when it goes on with the value above",
    ],
    [
      "[a]\nb\n= c\n",
      "lines 2, 3 are neither [section] nor option = value (v.conf:2:1); comment it out with #, or indent it when it goes on with the value above",
    ],
  ])("refuses %j with the place and what to do", (text, message) => {
    expect(problemOf(() => parseIni(text, { file: "v.conf" }))).toBe(`[keylime-conf-syntax] ${message}`);
  });
});

describe("editIni", () => {
  it("changes a value and nothing else", () => {
    expect(edited(verifierConf, { set: "Enable_Agent_mTLS", section: "verifier", value: "True" })).toBe(
      verifierConf.replace("False", "True"),
    );
  });

  it("gives an empty option a value, with a blank before it", () => {
    const change: IniChange = { set: "webhook_url", section: "revocations", value: "https://x" };
    expect(edited(verifierConf, change)).toBe(verifierConf.replace("webhook_url =", "webhook_url = https://x"));
  });

  it("replaces a value of several lines and keeps the comment inside it", () => {
    expect(edited(verifierConf, { set: "tls_extra", section: "verifier", value: "[]" })).toBe(
      verifierConf.replace("TLS_Extra: [", "TLS_Extra: []").replace('  "a",\n', "").replace('  "b"]\n', ""),
    );
  });

  it("takes the comment sign off when the comment holds the value", () => {
    const value = '["ca.crt"]  # Currently commented out';
    expect(edited(verifierConf, { set: "trusted_client_ca", section: "verifier", value })).toBe(
      verifierConf.replace("#trusted", "trusted"),
    );
  });

  it("puts an option behind the comment that holds it with another value", () => {
    const comment = '#trusted_client_ca = ["ca.crt"]  # Currently commented out\n';
    expect(edited(verifierConf, { set: "trusted_client_ca", section: "verifier", value: '["root.crt"]' })).toBe(
      verifierConf.replace(comment, `${comment}trusted_client_ca = ["root.crt"]\n`),
    );
  });

  it("puts a new option behind the last of its section, in its indentation and line ends", () => {
    expect(edited("[a]\r\n  b = 1\r\n   2\r\n# c\r\n\r\n[d]\r\n", { set: "e", section: "a", value: "x" })).toBe(
      "[a]\r\n  b = 1\r\n   2\r\n  e = x\r\n# c\r\n\r\n[d]\r\n",
    );
  });

  it.each([
    ["an empty section", "[a]\n[b]\nc = 1", "[a]\ne = x\n[b]\nc = 1"],
    ["a file without a last line break", "[a]\nc = 1", "[a]\nc = 1\ne = x"],
    ["no such section", "[b]\nc = 1", "[b]\nc = 1\n\n[a]\ne = x\n"],
    ["an empty file", "", "[a]\ne = x\n"],
    ["a deeper indented comment", "[a]\nc = 1\n   # e = x\nf = 2\n", "[a]\nc = 1\ne = x\nf = 2\n"],
    ["a comment before indented options", "[a]\n#e = x\n  c = 1\n", "[a]\n  e = x\n  c = 1\n"],
    ["a comment inside another value", "[a]\nc =\n# e = x\n  1\n", "[a]\nc =\n# e = x\n  1\ne = x\n"],
  ])("sets an option in %s", (_, before, after) => {
    expect(edited(before, { set: "e", section: "a", value: "x" })).toBe(after);
  });

  it("removes an option with all lines of its value, and keeps the comment inside it", () => {
    expect(edited(verifierConf, { remove: "tls_extra", section: "verifier" })).toBe(
      verifierConf.replace("TLS_Extra: [\n", "").replace('  "a",\n', "").replace('  "b"]\n', ""),
    );
  });

  it("renames a section, and makes several changes at once", () => {
    const text = verifierConf.replace("[verifier]", "[general]  # ours");
    const changes: IniChange[] = [
      { renameSection: "general", to: "verifier" },
      { set: "webhook_url", section: "revocations", value: "u" },
    ];
    expect(edited(text, ...changes)).toBe(
      text.replace("general", "verifier").replace("webhook_url =", "webhook_url = u"),
    );
  });

  it.each<[string, IniChange, string]>([
    ["a section that is absent", { renameSection: "x", to: "y" }, "there is no section [x]"],
    ["an option that is absent", { remove: "x", section: "verifier" }, "section [verifier] has no option x"],
    [
      "a value of two lines",
      { set: "x", section: "a", value: "1\n2" },
      "a value must be one line without blanks at its ends",
    ],
    [
      "a name that would be two",
      { set: "x = y", section: "verifier", value: "z" },
      "this layout does not allow the change",
    ],
    ["a name that is there", { renameSection: "verifier", to: "revocations" }, "section [revocations] is given twice"],
  ])("refuses %s", (_, change, why) => {
    expect(problemOf(() => edited(verifierConf, change))).toContain(why);
  });
});
