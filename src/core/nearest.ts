/**
 * The known name closest to what was written, or undefined when nothing is close enough to be worth suggesting.
 * Distance is optimal string alignment (insert, delete, replace, swap neighbours), compared without case; a name that
 * contains all the words of the other counts as close however long it is (`…_client_cert_file` for `…_cert_file`).
 * Of several that are equally close the one with the smaller distance is meant.
 */
export function nearestName(written: string, known: readonly string[]): string | undefined {
  const lower = written.toLowerCase();
  let best: { name: string; score: number; distance: number } | undefined;
  for (const name of known) {
    const candidate = name.toLowerCase();
    const distance = editDistance(lower, candidate);
    const score = Math.min(distance, extraWords(lower, candidate));
    if (score > Math.max(2, name.length / 3)) continue;
    if (best === undefined || score < best.score || (score === best.score && distance < best.distance))
      best = { name, score, distance };
  }
  return best?.name;
}

/** How many words one name has beyond the other's when it contains them all; infinite when it does not. */
function extraWords(a: string, b: string): number {
  const [few, many] = [a.split("_"), b.split("_")].sort((x, y) => x.length - y.length) as [string[], string[]];
  const contained = few.length > 1 && few.every((word) => many.includes(word));
  return contained ? many.length - few.length : Number.POSITIVE_INFINITY;
}

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replace, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
