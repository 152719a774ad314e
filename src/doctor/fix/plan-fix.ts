import { stat } from "node:fs/promises";
import { errorText } from "../../core/problem.js";
import type { FaultId } from "../../faults/faults.js";
import type { Edit, Fix } from "../checks/check.js";
import type { Machine } from "../facts/machine.js";
import type { RankedFault } from "../rank.js";
import { editText, type TextEdit } from "./edit-text.js";

/** What `--fix` would do, and what it leaves to the operator. Nothing is changed yet. */
export interface FixPlan {
  texts: TextFix[];
  rights: RightsFix[];
  /** Files that an edit was meant for and that cannot be edited. */
  impossible: { file: string; reason: string }[];
  /** Faults that no edit mends. */
  byHand: { id: FaultId; fix: Fix }[];
}

/** One file with all its edits made. */
export interface TextFix {
  /** As the examined machine names it. */
  file: string;
  /** Where it lies. */
  path: string;
  before: string;
  after: string;
  mends: FaultId[];
}

export interface RightsFix {
  file: string;
  path: string;
  mode?: number;
  owner?: string;
  group?: string;
  /** Mode bits and numbers as they are, to go back to. */
  was: { mode: number; uid: number; gid: number };
  mends: FaultId[];
}

type RightsEdit = Extract<Edit, { kind: "mode" | "owner" }>;
type Wanted<E> = { edit: E; id: FaultId };

export async function planFix(ranked: readonly RankedFault[], machine: Machine): Promise<FixPlan> {
  const plan: FixPlan = { texts: [], rights: [], impossible: [], byHand: [] };
  const wanted = ranked.flatMap(({ id, finding: { fix } }) => (fix.edits ?? []).map((edit) => ({ edit, id })));
  for (const [file, edits] of byFile(wanted.filter(isText))) await planText(file, edits, machine, plan);
  for (const [file, edits] of byFile(wanted.filter(isRights))) await planRights(file, edits, machine, plan);
  plan.byHand = ranked.flatMap(({ id, finding: { fix } }) => ((fix.edits ?? []).length === 0 ? [{ id, fix }] : []));
  return plan;
}

const isText = (each: Wanted<Edit>): each is Wanted<TextEdit> => ["hcl", "ini", "toml"].includes(each.edit.kind);
const isRights = (each: Wanted<Edit>): each is Wanted<RightsEdit> => ["mode", "owner"].includes(each.edit.kind);

function byFile<E extends Edit>(wanted: readonly Wanted<E>[]): Map<string, Wanted<E>[]> {
  const files = new Map<string, Wanted<E>[]>();
  for (const each of wanted) files.set(each.edit.file, [...(files.get(each.edit.file) ?? []), each]);
  return files;
}

async function planText(file: string, wanted: Wanted<TextEdit>[], machine: Machine, plan: FixPlan): Promise<void> {
  const text = await machine.readText(file);
  if (!text.known) return void plan.impossible.push({ file, reason: text.reason });
  try {
    const after = editText(text.value, unique(wanted));
    if (after === text.value) return;
    plan.texts.push({ file, path: machine.locate(file), before: text.value, after, mends: idsOf(wanted) });
  } catch (error) {
    plan.impossible.push({ file, reason: errorText(error) });
  }
}

/** Two findings may ask for the very same edit. */
function unique(wanted: readonly Wanted<TextEdit>[]): TextEdit[] {
  return [...new Map(wanted.map(({ edit }) => [JSON.stringify(edit), edit])).values()];
}

async function planRights(file: string, wanted: Wanted<RightsEdit>[], machine: Machine, plan: FixPlan): Promise<void> {
  const path = machine.locate(file);
  try {
    const { mode, uid, gid } = await stat(path);
    const asked: Partial<RightsFix> = Object.assign({}, ...wanted.map(({ edit: { kind, file: _, ...rest } }) => rest));
    plan.rights.push({ file, path, ...asked, was: { mode: mode & 0o7777, uid, gid }, mends: idsOf(wanted) });
  } catch (error) {
    plan.impossible.push({ file, reason: errorText(error) });
  }
}

const idsOf = (wanted: readonly Wanted<Edit>[]): FaultId[] => [...new Set(wanted.map(({ id }) => id))];
