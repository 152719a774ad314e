import type { Stats } from "node:fs";
import { durationText } from "../core/duration.js";
import { isoTime } from "../core/iso-time.js";
import { Problem } from "../core/problem.js";
import type { CertificateFacts } from "../x509/certificate.js";
import type { NamedFile } from "./identity-file.js";

/** What deserves a log line and stops nothing: renewal may mend it while the process runs. */
export interface IdentityWarning {
  level: "error" | "warn";
  problem: Problem;
}

export interface LastingWarning extends IdentityWarning {
  /** The same for the same fault of the same thing, whatever the time in the message. */
  id: string;
}

interface Files {
  ca: NamedFile;
  cert?: NamedFile;
}

interface Facts {
  chain: readonly CertificateFacts[];
  trusted: readonly CertificateFacts[];
}

/** Judges what was loaded as a peer will: dates, order, purpose, a root to end at. */
export function identityWarnings(files: Files, { chain, trusted }: Facts, nowMs: number): LastingWarning[] {
  const { ca, cert } = files;
  const own =
    cert === undefined
      ? []
      : [...chain.flatMap((each) => dateWarnings(each, cert, nowMs)), ...chainWarnings(chain, cert)];
  const usableRoots = trusted.filter(({ isSelfIssued }) => isSelfIssued);
  const trust = usableRoots.length === 0 && trusted.length > 0 ? [rootMissing(trusted[0]!, ca)] : [];
  return [...own, ...trusted.flatMap((each) => dateWarnings(each, ca, nowMs)), ...trust];
}

function dateWarnings(
  { subject, sha256, notBeforeMs, notAfterMs, isSelfIssued }: CertificateFacts,
  file: NamedFile,
  nowMs: number,
): LastingWarning[] {
  const is = `certificate ${subject} in ${JSON.stringify(file.path)} (${file.key})`;
  if (nowMs > notAfterMs) {
    const words = `${is} expired at ${isoTime(notAfterMs)}, ${durationText(nowMs - notAfterMs)} ago`;
    return [warning("error", "cert-expired", { words, file, about: sha256, hint: "renew the certificate" })];
  }
  if (nowMs < notBeforeMs) {
    const words = `${is} is not valid before ${isoTime(notBeforeMs)}, in ${durationText(notBeforeMs - nowMs)}`;
    return [
      warning("error", "cert-not-yet-valid", {
        words,
        file,
        about: sha256,
        hint: "do the clocks of the issuer and this host differ?",
      }),
    ];
  }
  // Roots are renewed by other means and on other days; a third of their ten years is no news.
  if (isSelfIssued || nowMs <= notAfterMs - (notAfterMs - notBeforeMs) / 3) return [];
  const words = `${is} expires at ${isoTime(notAfterMs)}, in ${durationText(notAfterMs - nowMs)}: less than a third of its lifetime is left`;
  return [warning("warn", "cert-expires-soon", { words, file, about: sha256, hint: "renew the certificate" })];
}

function chainWarnings(chain: readonly CertificateFacts[], file: NamedFile): LastingWarning[] {
  const warnings: LastingWarning[] = [];
  const gap = chain.findIndex((each, index) => index > 0 && chain[index - 1]!.issuer !== each.subject);
  if (gap > 0) {
    const before = chain[gap - 1]!;
    const words = `certificate ${gap + 1} of ${JSON.stringify(file.path)} (${file.key}) is ${chain[gap]!.subject}, but certificate ${gap} was issued by ${before.issuer}`;
    warnings.push(
      warning("error", "cert-order", { words, file, hint: "put the leaf first, then each issuer in turn" }),
    );
  }
  const [leaf] = chain;
  if (leaf?.eku !== undefined && !leaf.eku.some((usage) => usage === "clientAuth" || usage === "anyExtendedKeyUsage")) {
    const words = `certificate ${leaf.subject} in ${JSON.stringify(file.path)} (${file.key}) has extended key usage ${leaf.eku.join(", ")}, without clientAuth`;
    warnings.push(
      warning("error", "cert-no-client-auth", {
        words,
        file,
        hint: "issue a certificate with the extended key usage clientAuth",
      }),
    );
  }
  return warnings;
}

function rootMissing(first: CertificateFacts, file: NamedFile): LastingWarning {
  const words = `CA file ${JSON.stringify(file.path)} (${file.key}) holds no root: ${first.subject} was issued by ${first.issuer}`;
  return warning("error", "ca-bundle-incomplete", { words, file, hint: "append the root certificate to the file" });
}

/** Warns of a private key that others may read or that more than its owner may replace. */
export function keyFileWarnings(file: NamedFile, stats: Stats): LastingWarning[] {
  const mode = stats.mode & 0o7777;
  if ((mode & 0o027) === 0) return [];
  const words = `private key ${JSON.stringify(file.path)} (${file.key}) has mode ${mode.toString(8).padStart(4, "0")}, owner ${stats.uid}:${stats.gid}`;
  return [
    warning("warn", "key-too-open", { words, file, hint: "chmod 0600 the key, or 0640 with the service's group" }),
  ];
}

interface WarningParts {
  words: string;
  file: NamedFile;
  /** What in the file it is about. */
  about?: string;
  hint: string;
}

function warning(level: "error" | "warn", code: string, { words, file, about, hint }: WarningParts): LastingWarning {
  const at = file.at === undefined ? {} : { at: file.at };
  const problem = new Problem(code, words, { culprit: "configuration", hint, ...at });
  return { level, problem, id: `${code} ${file.path} ${about ?? ""}` };
}
