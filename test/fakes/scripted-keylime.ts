import type { SoftwareTpm } from "../../src/peers/tpm/software-tpm.js";
import { answer, type Behaviour } from "./misbehaving-server.js";

type Fields = Record<string, unknown>;

const envelope = (results: unknown): Fields => ({ code: 200, status: "Success", results });

/** An entry of the verifier that admits its agent; nothing in it is true of any machine. */
export function goodVerifierEntry(changes: Fields = {}): Fields {
  const nowS = Math.trunc(Date.now() / 1000);
  return {
    operational_state: 3,
    attestation_status: "PASS",
    attestation_count: 7,
    last_received_quote: nowS,
    last_successful_attestation: nowS,
    maximum_attestation_interval: "10s",
    ip: "127.0.0.1",
    port: 9002,
    meta_data: "{}",
    has_runtime_policy: 0,
    has_mb_refstate: 0,
    hash_alg: "sha256",
    enc_alg: "ecc256",
    sign_alg: "ecdsa",
    verifier_id: "liar",
    ...changes,
  };
}

export interface VerifierScript {
  entry?: Fields;
  /** Results of verify/identity; a yes to everything when not given. */
  verdict?: Fields;
  versions?: readonly string[];
}

/** A verifier that says what it is told to, whatever the quote is: the embedded one cannot be made to lie. */
export function verifierScript({ entry, verdict = { valid: 1 }, versions = ["2.6"] }: VerifierScript): Behaviour {
  return byPath({
    "/version": () => ({ current_version: versions.at(-1), supported_versions: versions }),
    "/agents/": () => entry ?? goodVerifierEntry(),
    "/verify/identity": () => verdict,
  });
}

/** A registrar that gives out this TPM's attestation key for every agent. */
export function registrarScript(
  { akPublic, ekPublic }: Pick<SoftwareTpm, "akPublic" | "ekPublic">,
  changes: Fields = {},
): Behaviour {
  const entry = {
    aik_tpm: akPublic.toString("base64"),
    ek_tpm: ekPublic.toString("base64"),
    ekcert: null,
    ip: "127.0.0.1",
    port: 9002,
    mtls_cert: "disabled",
    regcount: 1,
    ...changes,
  };
  return byPath({
    "/version": () => ({ current_version: "2.6", supported_versions: ["2.6"] }),
    "/agents/": () => entry,
  });
}

/** The first part of the path that fits decides; `/v2.x` in front of it does not count. */
function byPath(table: Readonly<Record<string, () => unknown>>): Behaviour {
  return (socket, text, number) => {
    const path = (/^\S+ ([^ ?]*)/.exec(text)?.[1] ?? "").replace(/^\/v\d\.\d/, "");
    const found = Object.entries(table).find(([start]) => path.startsWith(start));
    const behaviour = found === undefined ? answer(404, "") : answer(200, envelope(found[1]()));
    behaviour(socket, text, number);
  };
}
