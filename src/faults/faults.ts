/** What a fault stops: the stage of an attestation it blocks, in the order an attestation passes them. */
export const stages = ["load", "connect", "handshake", "authorise", "attest", "hygiene"] as const;
export type Stage = (typeof stages)[number];

export interface Fault {
  /** What is wrong, as an operator would say it. */
  title: string;
  stage: Stage;
  /** One action that mends it, in general; a message that knows the file or the key says it more exactly. */
  advice: string;
}

/**
 * Every fault this program tells apart: one word everywhere (error code, check, JSON id, documentation page). Ids are
 * stable: they may be added to, never renamed.
 */
export const faults = {
  "plugin-unknown-key": {
    title: "plugin_data has a key that the configured plugin does not know",
    stage: "load",
    advice: "rename the key to the nearest known one, or remove it",
  },
  "plugin-bad-value": {
    title: "plugin_data has a value that the configured plugin does not take",
    stage: "load",
    advice: "correct the value at the line given",
  },
  "plugin-default-cert": {
    title: "no client certificate is configured, so the plugin's default one is presented",
    stage: "handshake",
    advice: "set keylime_tls_cert_file and keylime_tls_key_file to a certificate the verifier trusts",
  },
  "plugin-missing-file": {
    title: "a configured file does not exist",
    stage: "load",
    advice: "create the file or correct its path",
  },
  "plugin-unreadable-file": {
    title: "the user that runs the service cannot read a configured file",
    stage: "load",
    advice: "give the service's user or group read access to the file and search access to every folder above it",
  },
  "key-too-open": {
    title: "a private key is readable by others",
    stage: "hygiene",
    advice: "chmod 0600 the key, or 0640 with the service's group",
  },
  "key-mismatch": {
    title: "the private key does not belong to the certificate",
    stage: "load",
    advice: "configure the key the certificate was issued for",
  },
  "key-encrypted": {
    title: "the private key needs a password that nothing supplies",
    stage: "load",
    advice: "name a password file, or store the key unencrypted with mode 0600",
  },
  "key-not-pkcs8": {
    title: "the private key is not in PKCS#8 where the reader takes only that",
    stage: "load",
    advice: "convert it with: openssl pkcs8 -topk8 -nocrypt",
  },
  "cert-order": {
    title: "the certificate file does not start with the leaf",
    stage: "handshake",
    advice: "put the leaf first, then each issuer in turn",
  },
  "cert-chain-incomplete": {
    title: "the presented certificate file lacks the intermediate, and the peer trusts only the root",
    stage: "handshake",
    advice: "append the intermediate certificate to the certificate file",
  },
  "cert-expired": { title: "a certificate has expired", stage: "handshake", advice: "renew the certificate" },
  "cert-not-yet-valid": {
    title: "a certificate is not valid yet",
    stage: "handshake",
    advice: "compare the clocks of both hosts, or wait for the certificate's start",
  },
  "cert-expires-soon": {
    title: "less than a third of a certificate's lifetime is left",
    stage: "hygiene",
    advice: "renew the certificate",
  },
  "cert-no-client-auth": {
    title: "the client certificate's extended key usage lacks clientAuth",
    stage: "handshake",
    advice: "issue a certificate with the extended key usage clientAuth",
  },
  "cert-no-server-auth": {
    title: "the server certificate's extended key usage lacks serverAuth",
    stage: "handshake",
    advice: "issue a certificate with the extended key usage serverAuth",
  },
  "cert-weak": {
    title: "a key or signature is weaker than the peer's security level takes",
    stage: "handshake",
    advice: "issue the certificate with RSA 2048 or P-256 at least, signed with SHA-256 or better",
  },
  "ca-not-a-ca": {
    title: "a certificate used as a CA may not sign certificates",
    stage: "handshake",
    advice: "issue the CA certificate with CA:TRUE, keyCertSign and a sufficient path length",
  },
  "ca-eku-limits": {
    title: "an intermediate's own extended key usage excludes client certificates below it",
    stage: "handshake",
    advice: "issue the intermediate without extended key usage, or with clientAuth in it",
  },
  "ca-bundle-incomplete": {
    title: "the trust file holds the intermediate but not the root",
    stage: "handshake",
    advice: "append the root certificate to the trust file",
  },
  "ca-bundle-order": {
    title: "the trust file starts with the intermediate where only its first certificate is read",
    stage: "handshake",
    advice: "put the root certificate first",
  },
  "ca-wrong": {
    title: "the trust file never signed the peer's certificate",
    stage: "handshake",
    advice: "configure the CA file that issued the peer's certificate",
  },
  "verifier-trust-empty": {
    title: "the verifier has no trust anchor for client certificates, so it refuses every one",
    stage: "handshake",
    advice:
      'set trusted_client_ca = ["<file>"] in [verifier] to a file that ends in the root, and restart the verifier',
  },
  "verifier-trust-too-wide": {
    title: "trusted_client_ca names a CA that issues to others: each of its client certificates is a Keylime admin",
    stage: "hygiene",
    advice: "trust a CA that issues for Keylime's clients only",
  },
  "verifier-trust-list-syntax": {
    title: "trusted_client_ca is not a list that Keylime can read",
    stage: "load",
    advice: 'write it as ["ca.crt"], with brackets and straight quotes',
  },
  "verifier-wrong-section": {
    title: "options stand under a section that Keylime does not read",
    stage: "load",
    advice: "name the section [verifier]",
  },
  "verifier-overridden": {
    title: "another source wins over the verifier's configuration file",
    stage: "handshake",
    advice: "change the option where it is set last: a snippet, the environment or the other base file",
  },
  "verifier-config-drift": {
    title: "the running verifier does not behave as its file says: the file was edited after the start",
    stage: "handshake",
    advice: "restart the verifier with all of its worker processes",
  },
  "verifier-unreachable": {
    title: "the verifier cannot be reached",
    stage: "connect",
    advice: "start the verifier, or correct keylime_verifier_host and keylime_verifier_port",
  },
  "verifier-not-tls": {
    title: "the verifier's port does not speak TLS",
    stage: "connect",
    advice: "set keylime_verifier_port to the verifier's HTTPS port, 8881 by default",
  },
  "verifier-is-registrar": {
    title: "the verifier's port is the registrar's",
    stage: "connect",
    advice: "set keylime_verifier_port to the verifier's port, 8881 by default",
  },
  "verifier-name-mismatch": {
    title: "the verifier's certificate does not carry the name it is reached by",
    stage: "handshake",
    advice: "set keylime_verifier_server_name to a name in the certificate",
  },
  "verifier-api-version": {
    title: "plugin and verifier share no API version",
    stage: "authorise",
    advice: "upgrade Keylime to 7.11 or newer",
  },
  "verifier-wrong-db-cert": {
    title: "the agent certificate stored at the verifier is not the one the agent presents",
    stage: "attest",
    advice: "delete the agent at the verifier and add it again",
  },
  "registrar-unreachable": {
    title: "the registrar cannot be reached, so no attestation key can be had",
    stage: "connect",
    advice: "start the registrar, or correct keylime_registrar_host and keylime_registrar_port",
  },
  "registrar-name-mismatch": {
    title: "the registrar's certificate does not carry the name it is reached by",
    stage: "handshake",
    advice: "set keylime_registrar_server_name to a name in the certificate",
  },
  "registrar-refuses-client": {
    title: "the registrar does not accept the client certificate",
    stage: "handshake",
    advice:
      "add the issuing root to trusted_client_ca in the registrar's configuration, or set keylime_registrar_tls_*",
  },
  "agent-api-version": {
    title: "the Keylime agent speaks API 2.1 only",
    stage: "attest",
    advice: "upgrade the Keylime agent to a version that serves API 2.2 or newer",
  },
  "agent-unreachable": {
    title: "the Keylime agent does not answer",
    stage: "attest",
    advice: "start the Keylime agent, or correct keylime_agent_host and keylime_agent_port",
  },
  "agent-mtls-mismatch": {
    title: "one side speaks TLS and the other plain HTTP on the Keylime agent's port",
    stage: "attest",
    advice: "set keylime_agent_use_tls to match enable_agent_mtls of the Keylime agent",
  },
  "agent-chain-not-sent": {
    title: "the Keylime agent serves only its leaf, and the peer trusts only the root",
    stage: "attest",
    advice: "add the intermediate to the CA file of the side that connects to the Keylime agent",
  },
  "agent-name-mismatch": {
    title: "the Keylime agent's certificate does not carry the name it is reached by",
    stage: "attest",
    advice: "set keylime_agent_server_name to a name in the certificate",
  },
  "agent-refuses-client": {
    title: "the Keylime agent does not trust the client certificate",
    stage: "attest",
    advice: "add the issuing CA to trusted_client_ca in the Keylime agent's configuration",
  },
  "agent-open-to-relay": {
    title: "anyone who reaches the Keylime agent's port gets an identity quote",
    stage: "hygiene",
    advice: "turn on enable_agent_mtls, or let the Keylime agent listen on loopback only",
  },
  "agent-push-mode": {
    title: "the node's Keylime agent runs in push mode",
    stage: "attest",
    advice: "run the Keylime agent in pull mode on this node",
  },
  "agent-state-unproven": {
    title: "no completed round stands behind the agent's good state",
    stage: "attest",
    advice: "wait for the verifier's next completed round and look at the Keylime agent when none comes",
  },
  "agent-default-uuid": {
    title: "the Keylime agent runs under the shipped default UUID, or two hosts share one",
    stage: "attest",
    advice: 'set uuid = "generate" or "hash_ek" in the Keylime agent\'s configuration',
  },
  "agent-not-registered": {
    title: "the registrar does not know the agent",
    stage: "attest",
    advice: "start the Keylime agent and look at its log for the registration",
  },
  "agent-not-active": {
    title: "the agent is registered but its credential was never activated",
    stage: "attest",
    advice: "restart the Keylime agent and look at its log for the activation",
  },
  "agent-not-enrolled": {
    title: "the verifier does not know the agent",
    stage: "attest",
    advice: "add the agent at the verifier: keylime_tenant -c add -u <uuid>",
  },
  "agent-failed": {
    title: "the agent's attestation fails or has stopped",
    stage: "attest",
    advice: "look at the verifier's log for this agent, mend the node, then reactivate it",
  },
  "agent-contact-address": {
    title: "the verifier cannot reach the agent at the address it registered",
    stage: "attest",
    advice: "set contact_ip in the Keylime agent's configuration to an address the verifier can reach",
  },
  "registrar-port-mixup": {
    title: "the registrar's HTTP port is used for HTTPS, or the reverse",
    stage: "connect",
    advice: "use 8890 for plain HTTP registration and 8891 for HTTPS",
  },
  "spire-plugin-checksum": {
    title: "plugin_checksum does not match the executable",
    stage: "load",
    advice: "copy the checksum that `spire-keylime plugin block` prints",
  },
  "spire-plugin-missing": {
    title: "plugin_cmd does not exist or cannot be executed",
    stage: "load",
    advice: "correct plugin_cmd or make the file executable",
  },
  "spire-plugin-duplicate": {
    title: "the plugin is declared twice, or on one side only",
    stage: "load",
    advice: 'declare NodeAttestor "keylime" once on the server and once on the agent',
  },
  "spire-conf-syntax": {
    title: "a SPIRE configuration file does not parse",
    stage: "load",
    advice: "correct the file at the line and column given",
  },
  "spire-trust-domain": {
    title: "server and agent name different trust domains",
    stage: "attest",
    advice: "set the same trust_domain in server.conf and agent.conf",
  },
  "proxy-sni": {
    title: "a proxy in front of the verifier does not pass the verifier's name",
    stage: "handshake",
    advice: "set the upstream's server name in the proxy",
  },
  "client-cert-not-sent": {
    title: "the client has a certificate and does not send it",
    stage: "authorise",
    advice: "watch the handshake with `spire-keylime intercept` to see what is sent",
  },
} as const satisfies Record<string, Fault>;

export type FaultId = keyof typeof faults;
