import { type CriterionId, criterionIds } from "./criterion-ids.js";
import type { Criterion } from "./report-schema.js";

/** The field report's success criteria in its own words. */
const titles: Record<CriterionId, string> = {
  "keylime-agent-operational": "Keylime agent operational with unique UUID",
  "agent-registered": "Agent registered with Keylime registrar",
  "spire-agent-attests": "SPIRE agent successfully attests using Keylime",
  "agent-listed-as-keylime": "agent appears in SPIRE server agent list with attestation_type: keylime",
  "workload-svid-issued": "Workload SVIDs issued based on Keylime attestation",
};

/** Collects what the scenes saw; a criterion nobody saw is not met. */
export class CriteriaSeen {
  readonly #evidence = new Map<CriterionId, string>();

  saw(id: CriterionId, evidence: string): void {
    this.#evidence.set(id, evidence);
  }

  list(): Criterion[] {
    return criterionIds.map((id) => {
      const evidence = this.#evidence.get(id);
      return { id, title: titles[id], met: evidence !== undefined, evidence: evidence ?? "not seen" };
    });
  }
}
