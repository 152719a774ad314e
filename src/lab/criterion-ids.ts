/** The field report's five success criteria, in its order. */
export const criterionIds = [
  "keylime-agent-operational",
  "agent-registered",
  "spire-agent-attests",
  "agent-listed-as-keylime",
  "workload-svid-issued",
] as const;
export type CriterionId = (typeof criterionIds)[number];
