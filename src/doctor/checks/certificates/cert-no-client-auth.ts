import { defineCheck } from "../check.js";
import { judgeUsage } from "./key-usage.js";

export const certNoClientAuth = defineCheck({
  id: "cert-no-client-auth",
  family: "certificates",
  title: "client certificates may be used by clients",
  judge: (facts, context) =>
    judgeUsage(facts, context, { id: "cert-no-client-auth", end: "client", usage: "clientAuth" }),
});
