import type { DoctorOptions } from "../../../src/doctor/options.js";
import type { FaultId } from "../../../src/faults/faults.js";
import type { FieldReportPki } from "../../../src/peers/pki/field-report-pki.js";
import type { Tree } from "./machine-tree.js";

/** One set-up as data, and the whole answer that the doctor must give on it. */
export interface Scenario {
  /** What is planted, as a claim: `a key that the Go plugin does not know`. */
  name: string;
  /** The files of the machine; later trees win over earlier ones. */
  tree(pki: FieldReportPki): readonly Tree[] | Promise<readonly Tree[]>;
  options?: Partial<DoctorOptions>;
  /** Ids of all causes, in their order. */
  causes: readonly FaultId[];
  /** Ids of all other findings, in their order. */
  findings?: readonly FaultId[];
  /** What must stand in the first finding: each in its summary, its evidence or its fix. */
  says?: readonly string[];
}
