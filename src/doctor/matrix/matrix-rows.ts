import type { FieldReportPki } from "../../peers/pki/field-report-pki.js";

/** One value of trusted_client_ca, as an operator writes it. */
export interface MatrixRow {
  /** Null leaves the option out, as an operator's `#` does. */
  value: string | null;
  meaning: string;
  /** Name of the section, when it is another one than Keylime reads. */
  section?: string;
  /** The anchors that Keylime 7.14 makes of it; undefined when it does not start. */
  anchors?: (pki: FieldReportPki) => string;
}

export const matrixRows: readonly MatrixRow[] = [
  { value: '["ca.crt"]', meaning: "intermediate and root", anchors: (pki) => pki.caCompleteChainPem },
  { value: '["root.crt"]', meaning: "the root alone", anchors: (pki) => pki.root.certPem },
  // OpenSSL takes no intermediate for an anchor.
  { value: '["int.crt"]', meaning: "the intermediate alone", anchors: (pki) => pki.intermediate.certPem },
  { value: null, meaning: "commented out", anchors: () => "" },
  { value: "[]", meaning: "an empty list", anchors: () => "" },
  { value: "all", meaning: "documented as no verification", anchors: () => "" },
  { value: "default", meaning: "and <KEYLIME_DIR>/cv_ca/cacert.crt is missing" },
  { value: '["ca.crt"]', meaning: "in a section named [general]", section: "general" },
];
