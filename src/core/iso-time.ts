/** `2026-11-23T21:17:00Z`; milliseconds only when there are any. */
export function isoTime(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString().replace(".000Z", "Z") : "a date that cannot be read";
}
