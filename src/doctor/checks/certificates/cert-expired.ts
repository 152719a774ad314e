import { defineCheck } from "../check.js";
import { judgeDates } from "./dates.js";

export const certExpired = defineCheck({
  id: "cert-expired",
  family: "certificates",
  title: "no certificate on the path has expired",
  judge: (facts, context) => judgeDates(facts, context, "cert-expired"),
});
