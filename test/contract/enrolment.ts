/** The body of POST /agents/{id} as `keylime_tenant` 7.14 sends it, for an agent that nothing listens for. */
export function enrolmentBody(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    v: null,
    cloudagent_ip: "127.0.0.1",
    cloudagent_port: 9,
    tpm_policy: '{"mask": "0x10000"}',
    metadata: "{}",
    runtime_policy: "",
    runtime_policy_name: "",
    runtime_policy_key: "",
    ima_sign_verification_keys: "",
    mb_policy: null,
    mb_policy_name: null,
    revocation_key: "",
    accept_tpm_hash_algs: ["sha256"],
    accept_tpm_encryption_algs: ["rsa", "ecc"],
    accept_tpm_signing_algs: ["rsassa", "ecdsa"],
    ak_tpm: "",
    supported_version: "2.5",
    ...changes,
  };
}

export function without(body: Record<string, unknown>, key: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== key));
}
