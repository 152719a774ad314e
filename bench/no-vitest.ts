/** Stands in for the test runner in the benchmark's bundle, where no suite is declared. */
function unavailable(): never {
  throw new Error("there are no tests in a benchmark");
}

export const describe = Object.assign(unavailable, { skip: unavailable });
export const it = unavailable;
