import type { RelayedMessage } from "../rehearse/relay.js";

/** What happens in a scene, as it happens. Facts only: each event is something a program did, sent, wrote or answered. */
export type StoryEvent =
  /** A new scene begins. */
  | { type: "scene"; number: number; title: string }
  /** One step of ours, told before or after it is taken. */
  | { type: "step"; text: string }
  /** Lines of a file as they stand on disk; `mark` says what is noteworthy about a line. */
  | { type: "file"; path: string; lines: { number: number; text: string; mark?: string }[] }
  /** One HTTP call a person would make by hand, and its answer; `presenting` is a file, null for no certificate. */
  | { type: "call"; call: string; presenting: string | null; answer: string }
  /** A TLS handshake as it went over the wire. */
  | { type: "handshake"; leg: string; messages: WireMessage[] }
  /** The messages of one attestation as they passed between the two plugins. */
  | { type: "exchange"; messages: RelayedMessage[] }
  /** A line that a program wrote to its log, or the error it returned. */
  | { type: "log"; source: string; level: string; text: string }
  /** How the scene ended; `why` follows from its facts. */
  | { type: "outcome"; asExpected: boolean; text: string; why?: string };

export interface WireMessage {
  from: "client" | "server";
  /** The message's name as the RFC has it. */
  name: string;
  detail?: string;
  /** Of a certificate message, leaf first. */
  certificates?: WireCertificate[];
  /** What the story is about. */
  decisive?: boolean;
}

export interface WireCertificate {
  /** RFC 4514 order. */
  subject: string;
  issuer: string;
  /** Lower-case hex. */
  serial: string;
  sha256: string;
}

export type Tell = (event: StoryEvent) => void;

/** The field report's five success criteria. */
export const criterionIds = [
  "keylime-agent-operational",
  "agent-registered",
  "spire-agent-attests",
  "agent-listed-as-keylime",
  "workload-svid-issued",
] as const;
export type CriterionId = (typeof criterionIds)[number];

export interface Criterion {
  id: CriterionId;
  /** The report's own words. */
  title: string;
  met: boolean;
  /** What was seen. */
  evidence: string;
}

/** One part of the set-up, and whether it is the real program or the embedded stand-in. */
export interface Part {
  name: string;
  kind: "real" | "embedded";
  detail: string;
}

export interface LabReport {
  schema: "spire-keylime/lab/v1";
  /** Every scene ended as it must, and every criterion is met. */
  ok: boolean;
  /** Below it are the configuration, the certificates and the logs of this lab. */
  directory: string;
  /** What is not as in a usual installation, such as ports. */
  notices: string[];
  parts: Part[];
  scenes: {
    number: number;
    title: string;
    as_expected: boolean;
    outcome: string;
    why: string | null;
    events: StoryEvent[];
  }[];
  criteria: Criterion[];
  elapsed_ms: number;
}
