import { expect, it } from "vitest";
import { median, percentile } from "./percentile.js";

it("takes the nearest rank, and nothing of nothing", () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([percentile(hundred, 0.95), median([3, 1, 2]), median([1, 2]), percentile([7], 0.95), median([])]).toEqual([
    95,
    2,
    1,
    7,
    null,
  ]);
});
