import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { sampleReport } from "../../../../test/support/sample-report.js";
import { unknown } from "../../../doctor/facts/fact.js";
import type { Facts } from "../../../doctor/facts/facts.js";
import { doctorHtml } from "./doctor-html.js";

const noFacts = { endpoints: unknown("not asked", "--offline"), files: [] } as Partial<Facts> as Facts;
const text = doctorHtml(sampleReport(), noFacts);

describe("the report as HTML", () => {
  it("says the verdict and the next step before anything else", () => {
    const words = textOf(text.slice(text.indexOf("<main>")));
    expect(words).toMatch(/^the verifier does not trust CN=.* ca-wrong Next: configure the CA What stops attestation/);
  });

  it("names every leg that a finding concerns", () => {
    const [first] = /<article.*?<\/article>/s.exec(text)!;
    expect(textOf(first)).toContain(
      "never signed the peer&#39;s certificate; plugin-&#62;verifier, plugin-&#62;registrar",
    );
  });

  it("counts several checks that do not apply", () => {
    const report = sampleReport();
    const skipped = { ...report.checks.find(({ outcome }) => outcome === "skipped")!, id: "cert-order" as const };
    const several = doctorHtml({ ...report, checks: [...report.checks, skipped] }, noFacts);
    expect(textOf(several)).toContain("Certificates and trust 2 found, 2 do not apply");
  });

  it("escapes what a certificate's name smuggles in", () => {
    expect(text).not.toMatch(/<script>alert|<img/);
    expect(text).not.toContain("\u202e");
    expect([...text.matchAll(/<script/g)]).toHaveLength(1);
  });

  it("asks for nothing, and lets run only the style and the script that are in it", () => {
    const tags = [...text.matchAll(/<[a-z][^>]*>/g)].map(([tag]) => tag);
    expect(tags.filter((tag) => /\b(src|srcset|action|poster|style)=|\bon\w+=|https?:/.test(tag))).toEqual([]);
    expect(text).not.toMatch(/url\(|@import/);
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(text)![1]!.replaceAll("&#39;", "'");
    expect(policy).toBe(
      `default-src 'none'; style-src '${hashOf("style")}'; script-src '${hashOf("script")}'; base-uri 'none'; form-action 'none'`,
    );
  });

  it("has links that lead to a part of the page, and no id twice", () => {
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    const targets = [...text.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(targets.filter((id) => !ids.includes(id))).toEqual([]);
    expect(targets).toEqual([
      "causes",
      "findings",
      "contradictions",
      "acceptance",
      "hypotheses",
      "questions",
      "checks",
      "sources",
    ]);
  });

  it("tells of a contradiction what the file says, what was seen and what that proves", () => {
    expect(textOf(/<h2 id="contradictions">.*?<\/section>/s.exec(text)![0])).toBe(
      "Where the verifier&#39;s files and what it does exclude one another " +
        "trusted_client_ca is commented out, yet 127.0.0.1:8881 takes /etc/c.crt " +
        "The file: #trusted_client_ca = [&#34;ca.crt&#34;] /etc/keylime/verifier.conf:14 " +
        "Seen: 127.0.0.1:8881 with /etc/c.crt: HTTP 404 " +
        "the verifier (process 9) has run since 2026-11-25 04:00:00 UTC " +
        "Proves: the file was changed after the verifier had started (verifier-config-drift)",
    );
  });

  it("folds every check under its family, with the count of each outcome", () => {
    const checks = textOf(/<h2 id="checks">.*?<\/section>/s.exec(text)![0]);
    expect(checks).toBe(
      "All checks " +
        "Files and who may read them 1 clear clear keys are closed key-too-open 3 keys " +
        "Certificates and trust 2 found, 1 does not apply found every CA file is the right one ca-wrong " +
        "found no certificate ends soon cert-expires-soon does not apply nothing is weak cert-weak no certificate " +
        "The node and its Keylime agent 1 unknown unknown attestation goes on agent-failed no UUID",
    );
  });
});

function hashOf(element: "style" | "script"): string {
  const content = new RegExp(`<${element}>(.*?)</${element}>`, "s").exec(text)![1]!;
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}

/** What is read, without markup. */
function textOf(html: string): string {
  return html
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
}
