import type { DoctorReport, ReportedJudgement } from "../../../doctor/report-schema.js";
import type { Style } from "../style.js";
import { wrapped } from "../wrap.js";
import { evidenceLines } from "./finding-text.js";

/** Whether something stands between plugin and verifier, so that the reasoning about it is worth reading. */
export function isHandshakeInDoubt({ causes }: DoctorReport): boolean {
  return causes.some(({ stage, leg, other_legs: others }) => {
    const isBetween = leg === null || [leg, ...others].includes("plugin->verifier");
    return isBetween && (stage === "handshake" || stage === "authorise");
  });
}

/** The questions to ask of a handshake that fails, and what may stand behind it, each with what decides it. */
export function handshakeText({ questions, hypotheses }: DoctorReport, style: Style): string[] {
  const section = (title: string, judgements: readonly ReportedJudgement[]): string =>
    [style.heading(title), ...judgements.flatMap((each, at) => judgementLines(each, at + 1, style))].join("\n");
  return [
    section("The handshake between plugin and verifier: three questions", questions),
    section("What may stand behind a refusal: five hypotheses", hypotheses),
  ];
}

const answers = { confirmed: "yes", refuted: "no", unknown: "unknown" } as const;

function judgementLines({ text, verdict, evidence }: ReportedJudgement, number: number, style: Style): string[] {
  const isQuestion = text.endsWith("?");
  const word = isQuestion ? answers[verdict] : verdict;
  const paint = verdict === "unknown" ? style.attention : style.heading;
  const lines = wrapped(text, `${number}. `, "   ");
  const last = `${lines.at(-1)}${isQuestion ? " " : ": "}${paint(word)}`;
  return [...lines.slice(0, -1), last, ...evidence.flatMap((each) => evidenceLines(each, style))];
}
