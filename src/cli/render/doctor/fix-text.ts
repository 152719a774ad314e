import { createTwoFilesPatch } from "diff";
import type { Applied } from "../../../doctor/fix/apply-fix.js";
import type { FixPlan, RightsFix, TextFix } from "../../../doctor/fix/plan-fix.js";
import type { Style } from "../style.js";

/** What would be changed: a unified diff per file, rights as before and after. */
export function fixPlanText({ texts, rights, impossible }: FixPlan, style: Style): string {
  return [
    ...texts.map((fix) => diffText(fix, style)),
    ...rights.map(rightsText),
    ...impossible.map(({ file, reason }) => `${file} cannot be edited: ${reason}\n`),
  ].join("\n");
}

function diffText({ file, before, after, mends }: TextFix, { heading, good, bad }: Style): string {
  const patch = createTwoFilesPatch(file, file, before, after, "", mends.join(", "), { context: 2 });
  const lines = patch.split("\n").filter((line) => !/^(={3,}|Index: |\\ No newline)/.test(line));
  const coloured = lines.map((line) => {
    if (line.startsWith("---") || line.startsWith("+++")) return heading(line);
    if (line.startsWith("-")) return bad(line);
    return line.startsWith("+") ? good(line) : line;
  });
  return coloured.join("\n");
}

function rightsText({ file, mode, owner, group, was, mends }: RightsFix): string {
  const now = [
    ...(mode === undefined ? [] : [`mode ${octal(was.mode)} -> ${octal(mode)}`]),
    ...(owner === undefined ? [] : [`owner ${was.uid} -> ${owner}`]),
    ...(group === undefined ? [] : [`group ${was.gid} -> ${group}`]),
  ];
  return `${file}: ${now.join(", ")} (${mends.join(", ")})\n`;
}

const octal = (mode: number): string => mode.toString(8).padStart(4, "0");

/** What was changed and what was not, and what is left to people. */
export function appliedText(applied: readonly Applied[], { byHand, texts }: FixPlan, { good, bad }: Style): string {
  const done = applied.map((each) => {
    if ("failed" in each) return `${bad("×")} ${each.file}: ${each.failed}`;
    return `${good("√")} ${each.file} ${each.done}${each.backup === undefined ? "" : `; as it was: ${each.backup}`}`;
  });
  const left = byHand.flatMap(({ id, fix }) => [
    `- ${fix.action} (${id})`,
    ...(fix.commands ?? []).map((command) => `    $ ${command}`),
  ]);
  const restarts = [...new Set(texts.flatMap(({ file }) => restartOf(file) ?? []))].map(
    (command) => `    $ ${command}`,
  );
  return [
    ...done,
    ...(restarts.length === 0 ? [] : ["", "services read their files when they start:", ...restarts]),
    ...(left.length === 0 ? [] : ["", "left to do by hand:", ...left]),
    "",
  ].join("\n");
}

/** By the file's usual name; another one is the operator's to know. */
function restartOf(file: string): string | undefined {
  const services: [RegExp, string][] = [
    [/spire.*server.*\.conf$/, "spire-server"],
    [/spire.*agent.*\.conf$/, "spire-agent"],
    [/verifier\.conf(\.d\/[^/]+)?$/, "keylime_verifier"],
    [/registrar\.conf(\.d\/[^/]+)?$/, "keylime_registrar"],
    [/keylime.*agent\.conf(\.d\/[^/]+)?$/, "keylime_agent"],
  ];
  const service = services.find(([pattern]) => pattern.test(file))?.[1];
  return service === undefined ? undefined : `systemctl restart ${service}`;
}
