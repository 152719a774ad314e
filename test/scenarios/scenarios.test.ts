import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { checks } from "../../src/doctor/checks/index.js";
import { diagnose } from "../../src/doctor/diagnose.js";
import { reportOf } from "../../src/doctor/report.js";
import type { ReportedFinding } from "../../src/doctor/report-schema.js";
import { type FaultId, faults } from "../../src/faults/faults.js";
import { type FieldReportPki, fieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { writeTree } from "./support/machine-tree.js";
import type { LiveScenario, Scenario } from "./support/scenario.js";

const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
const planted = new Map<string, readonly (Scenario | LiveScenario)[]>();
for (const file of files.sort()) {
  const { scenarios } = (await import(new URL(file, import.meta.url).href)) as {
    scenarios: readonly (Scenario | LiveScenario)[];
  };
  planted.set(file.replace(/\.ts$/, ""), scenarios);
}

let pki: FieldReportPki;
beforeAll(async () => {
  pki = await fieldReportPki();
});

describe.each([...planted])("%s", (_, scenarios) => {
  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))("%s", async (_name, scenario) => {
    await using world = "start" in scenario ? await scenario.start(pki) : undefined;
    const trees = "start" in scenario ? scenario.tree(pki, world!) : scenario.tree(pki);
    await using tree = await writeTree(...(await trees));
    const offline = world === undefined;
    const options = { root: tree.root, offline, only: [], skip: [], timeoutMs: 3000, nowMs: Date.now() };
    const diagnosis = await diagnose({ ...options, ...scenario.options });
    const { causes, findings, hypotheses, questions, contradictions } = reportOf(diagnosis, {
      version: "test",
      failOn: "error",
    });
    const others = findings.filter(({ stops_attestation: stops }) => !stops);
    const told = causes.concat(others).map(wordsOf).join("\n\n");
    expect(idsOf(causes), told).toEqual(scenario.causes);
    expect(idsOf(others), told).toEqual(scenario.findings ?? []);
    for (const words of scenario.says ?? []) expect(wordsOf(findings[0]!)).toContain(words);
    if (scenario.legs !== undefined) expect([findings[0]!.leg, ...findings[0]!.other_legs]).toEqual(scenario.legs);
    expect(contradictions.map(({ id, proves }) => `${id}: ${proves}`)).toEqual(scenario.contradictions ?? []);
    const judgements = [...hypotheses, ...questions];
    const verdicts = Object.fromEntries(judgements.map(({ id, verdict }) => [id, verdict]));
    expect(verdicts).toMatchObject(scenario.verdicts ?? {});
    const reasons = Object.fromEntries(judgements.map(({ id, evidence }) => [id, placedTexts(evidence).join("\n")]));
    for (const [id, texts] of Object.entries(scenario.reasons ?? {})) {
      for (const text of texts) expect(reasons[id]).toContain(text);
    }
  });
});

describe("every fault", () => {
  it.each(Object.keys(faults) as FaultId[])("%s has a scenario that plants it and expects it first", (id) => {
    const expected = planted.get(id)?.map(({ causes, findings = [] }) => [...causes, ...findings][0]);
    expect(expected).toContain(id);
  });

  it("stands under its own id in the list of checks", () => {
    expect(Object.entries(checks).filter(([id, check]) => check.id !== id)).toEqual([]);
  });
});

const idsOf = (findings: readonly ReportedFinding[]) => findings.map(({ id }) => id);

function wordsOf({ id, summary, evidence, fix }: ReportedFinding): string {
  return [`${id}: ${summary}`, ...placedTexts(evidence), fix.action, ...fix.commands].join("\n");
}

const placedTexts = (evidence: ReportedFinding["evidence"]) =>
  evidence.map(({ text, file, line }) => `${text} (${file}:${line})`);
