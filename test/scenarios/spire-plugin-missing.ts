import type { Scenario } from "./support/scenario.js";
import { goExecutable, healthy, mendedData, ourBlock, serverConf, spireConf } from "./support/set-ups.js";

const executable = "/opt/spire/plugins/keylime-attestor-server";

export const scenarios: readonly Scenario[] = [
  {
    name: "a plugin_cmd that is not there",
    tree: (pki) => [
      healthy(pki),
      { [serverConf]: spireConf("server", { data: mendedData, command: "/opt/spire/plugins/keylime-server" }) },
    ],
    causes: ["spire-plugin-missing"],
    says: ["/opt/spire/plugins/keylime-server", "no such file", `${serverConf}:7`],
  },
  {
    name: "an executable without the right to execute",
    tree: (pki) => [healthy(pki), { [executable]: { text: goExecutable("server"), mode: 0o644 } }],
    causes: ["spire-plugin-missing"],
    says: ["0644", `chmod 0755 ${executable}`],
  },
  {
    name: "a folder in the executable's place",
    tree: (pki) => [healthy(pki), { [executable]: null, [`${executable}/README`]: "" }],
    causes: ["spire-plugin-missing"],
    says: ["it is no file"],
  },
  {
    name: "our executable without plugin_args",
    tree: (pki) => [healthy(pki), ourBlock("server", mendedData, [])],
    causes: ["spire-plugin-missing"],
    says: ["is started with no plugin_args", 'set plugin_args = ["plugin", "server"] beside plugin_cmd'],
  },
  {
    name: "our executable told to be the other half",
    tree: (pki) => [healthy(pki), ourBlock("server", mendedData, ["plugin", "agent"])],
    causes: ["spire-plugin-missing"],
    says: ['is started with plugin_args = ["plugin","agent"]'],
  },
  {
    name: "a block without plugin_cmd",
    tree: (pki) => [
      healthy(pki),
      { [serverConf]: spireConf("server", { data: mendedData }).replace(/.*plugin_(cmd|checksum).*\n/g, "") },
    ],
    causes: ["spire-plugin-missing"],
    says: ["has no plugin_cmd"],
  },
];
