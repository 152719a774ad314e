import type { Scenario } from "./support/scenario.js";
import { healthy } from "./support/set-ups.js";

/** SPIRE runs as a user of its own; root owns the certificates. */
const spireUser = {
  "/etc/systemd/system/spire-server.service":
    "[Service]\nUser=spire\nExecStart=/opt/spire/bin/spire-server run -config /etc/spire/server.conf\n",
  "/etc/passwd": "root:x:0:0::/root:/bin/sh\nspire:x:64001:64001::/:/sbin/nologin\n",
  "/etc/group": "root:x:0:\nspire:x:64001:\nkeylime:x:64002:spire\n",
};

export const scenarios: readonly Scenario[] = [
  {
    name: "a key that the user of the SPIRE server cannot read",
    tree: (pki) => [healthy(pki), spireUser],
    causes: ["plugin-unreadable-file"],
    says: [
      "the server plugin cannot read /etc/keylime/certs/verifier.key: user spire may not read it",
      "mode 0600: others have ---",
      "spire-server.service",
      "chmod 0640 /etc/keylime/certs/verifier.key",
    ],
  },
  {
    name: "the same, told with --as-user",
    tree: (pki) => [healthy(pki), { "/etc/passwd": spireUser["/etc/passwd"] }],
    options: { asUser: "spire" },
    causes: ["plugin-unreadable-file"],
    says: ["--as-user"],
  },
];
