import type { Scenario } from "./support/scenario.js";
import { checksumOf, goExecutable, healthy, mendedData, serverConf, spireConf } from "./support/set-ups.js";

const reported = "f2559cfeaee68c9dc591a9520e6a0f76a009d66023cb680160b4758d0ee948a6";

export const scenarios: readonly Scenario[] = [
  {
    name: "the sum of another build",
    tree: (pki) => [healthy(pki), { [serverConf]: spireConf("server", { data: mendedData, checksum: reported }) }],
    causes: ["spire-plugin-checksum"],
    says: [reported, checksumOf(goExecutable("server")), `${serverConf}:8`],
  },
  {
    name: "a sum that is cut short",
    tree: (pki) => [healthy(pki), { [serverConf]: spireConf("server", { data: mendedData, checksum: "f2559c" }) }],
    causes: ["spire-plugin-checksum"],
    says: ["is no SHA-256"],
  },
];
