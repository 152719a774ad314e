import { defineCheck } from "../check.js";
import { judgeDates } from "./dates.js";

export const certNotYetValid = defineCheck({
  id: "cert-not-yet-valid",
  family: "certificates",
  title: "every certificate on the path is valid already",
  judge: (facts, context) => judgeDates(facts, context, "cert-not-yet-valid"),
});
