import { defineCheck } from "../check.js";
import { judgeUsage } from "./key-usage.js";

export const certNoServerAuth = defineCheck({
  id: "cert-no-server-auth",
  family: "certificates",
  title: "server certificates may be used by servers",
  judge: (facts, context) =>
    judgeUsage(facts, context, { id: "cert-no-server-auth", end: "server", usage: "serverAuth" }),
});
