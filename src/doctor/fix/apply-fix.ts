import { chmod, chown } from "node:fs/promises";
import { errorText } from "../../core/problem.js";
import type { FixPlan, RightsFix } from "./plan-fix.js";
import { replaceFile } from "./replace-file.js";

/** What became of one change. */
export type Applied =
  | { file: string; done: string /** As it lies on this machine. */; backup?: string }
  | { file: string; failed: string };

/** Makes the changes of a plan one after the other; one that fails keeps no other from being made. */
export async function applyFix(plan: FixPlan, nowMs: number): Promise<Applied[]> {
  const applied: Applied[] = [];
  for (const { file, path, before, after } of plan.texts) {
    applied.push(
      await attempt(file, async () => ({ done: "edited", backup: await replaceFile(path, before, after, nowMs) })),
    );
  }
  for (const fix of plan.rights) applied.push(await attempt(fix.file, async () => ({ done: await setRights(fix) })));
  return applied;
}

async function attempt(file: string, work: () => Promise<{ done: string; backup?: string }>): Promise<Applied> {
  try {
    return { file, ...(await work()) };
  } catch (error) {
    return { file, failed: errorText(error) };
  }
}

/** Owner first: a change of owner takes set-id bits away. */
async function setRights({ path, mode, owner, group, was }: RightsFix): Promise<string> {
  if (owner !== undefined || group !== undefined) await chown(path, idOf(owner) ?? was.uid, idOf(group) ?? was.gid);
  if (mode !== undefined) await chmod(path, mode);
  const parts = [
    ...(owner === undefined ? [] : [`owner ${owner}`]),
    ...(group === undefined ? [] : [`group ${group}`]),
    ...(mode === undefined ? [] : [`mode ${mode.toString(8).padStart(4, "0")}`]),
  ];
  return `now has ${parts.join(", ")}`;
}

const idOf = (id: string | undefined): number | undefined => (id === undefined ? undefined : Number(id));
