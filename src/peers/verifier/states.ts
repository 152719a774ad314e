/** Operational states of an agent at the verifier (`keylime/common/states.py`, 7.14.3). */
export const states = {
  registered: 0,
  start: 1,
  saved: 2,
  getQuote: 3,
  getQuoteRetry: 4,
  provideV: 5,
  provideVRetry: 6,
  failed: 7,
  terminated: 8,
  invalidQuote: 9,
  tenantFailed: 10,
} as const;

export type OperationalState = (typeof states)[keyof typeof states];

/** What a restart of the verifier starts over. */
export const restartedStates: readonly OperationalState[] = [1, 3, 4, 5, 6];

/** No work is in flight in these, so a deletion happens at once. */
export const restingStates: readonly OperationalState[] = [2, 7, 9, 10];
