import { liveScenario } from "./support/live-set-ups.js";

export const scenarios = [
  liveScenario({
    name: "a registered node that nobody added at the verifier",
    world: { enrolled: false },
    causes: ["agent-not-enrolled"],
    says: ["the verifier does not know agent", "agent id not found", "keylime_tenant -c add -u"],
  }),
  liveScenario({
    name: "the same, told with another certificate at hand where the plugin's is refused",
    world: { enrolled: false },
    changes: () => ({
      server: {
        keylime_tls_cert_file: "/var/lib/keylime/cv_ca/client-cert.crt",
        keylime_tls_key_file: "/var/lib/keylime/cv_ca/client-private.pem",
      },
    }),
    causes: ["ca-wrong", "registrar-refuses-client", "agent-not-enrolled"],
  }),
];
