import type { MatrixReport } from "../../src/doctor/matrix/matrix-schema.js";

/** One row in short: `404`, `alert 48 unknown_ca`; or the exception that keeps the verifier from starting. */
export interface TrustRow {
  value: string | null;
  starts: boolean;
  verdicts: Readonly<Record<string, string>>;
}

export function matrixOf({ rows }: MatrixReport): TrustRow[] {
  return rows.map(({ trusted_client_ca: value, starts, cells }) => ({
    value,
    starts,
    verdicts: Object.fromEntries(
      cells.map(({ client, alert, http_status: status, reason }) => [
        client,
        alert === null ? String(status ?? reason) : `alert ${alert.number} ${alert.name}`,
      ]),
    ),
  }));
}

const unknownCa = "alert 48 unknown_ca";
const wholeChain = {
  none: "403",
  plugin: "404",
  serveronly: "alert 43 unsupported_certificate",
  expired: "alert 45 certificate_expired",
  foreign: unknownCa,
  "leafonly (OpenSSL)": "404",
  "leafonly (Go)": "404",
};
const everyPresentedRefused = {
  none: "403",
  plugin: unknownCa,
  serveronly: unknownCa,
  expired: unknownCa,
  foreign: unknownCa,
  "leafonly (OpenSSL)": unknownCa,
  "leafonly (Go)": unknownCa,
};

/** What Keylime 7.14.3 makes of client certificates over TLS 1.3, measured. */
export const measuredTable: readonly TrustRow[] = [
  { value: '["ca.crt"]', starts: true, verdicts: wholeChain },
  { value: '["root.crt"]', starts: true, verdicts: { ...wholeChain, "leafonly (Go)": unknownCa } },
  { value: '["int.crt"]', starts: true, verdicts: everyPresentedRefused },
  { value: null, starts: true, verdicts: everyPresentedRefused },
  { value: "[]", starts: true, verdicts: everyPresentedRefused },
  { value: "all", starts: true, verdicts: everyPresentedRefused },
  { value: "default", starts: false, verdicts: {} },
  { value: '["ca.crt"]', starts: false, verdicts: {} },
];
