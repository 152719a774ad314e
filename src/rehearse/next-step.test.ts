import { expect, it } from "vitest";
import { faults } from "../faults/faults.js";
import { StatusCode } from "../goplugin/status-error.js";
import { nextStep } from "./next-step.js";

const { UNAVAILABLE, FAILED_PRECONDITION, DEADLINE_EXCEEDED, PERMISSION_DENIED } = StatusCode;

it.each<[string, StatusCode, string, string | undefined]>([
  [
    "what an alert's explanation ends with",
    UNAVAILABLE,
    "the Keylime verifier at [::1]:8881 did not recognise the CA that issued our certificate (unknown_ca, 48); presented: CN=a; likeliest fault ca-wrong: the trust file never signed the peer's certificate; add the CA CN=b to its trusted_client_ca",
    "add the CA CN=b to its trusted_client_ca",
  ],
  [
    "what stands behind a fault id, more exact than the fault's advice",
    UNAVAILABLE,
    "connection refused [verifier-unreachable]; start a verifier, or correct keylime_verifier_urls",
    "start a verifier, or correct keylime_verifier_urls",
  ],
  [
    "what stands behind a code that is no fault",
    DEADLINE_EXCEEDED,
    "it was not complete after 1 s (attestation_timeout): the node had not answered [attestation-timeout]; look at its log",
    "look at its log",
  ],
  [
    "the fault's advice where the message ends with its id",
    FAILED_PRECONDITION,
    "unknown [agent-not-enrolled]",
    faults["agent-not-enrolled"].advice,
  ],
  [
    "what the code asks for where there is no id",
    UNAVAILABLE,
    "no route",
    "check that the Keylime service the server half calls runs and can be reached from here",
  ],
  ["nothing where nothing is known", PERMISSION_DENIED, "no", undefined],
])("is %s", (_name, code, message, step) => {
  expect(nextStep({ half: "server", step: "result", code, message }, false)).toBe(step);
});
