import type { FieldReportPki } from "../../src/peers/pki/field-report-pki.js";
import { type Gateway, startGateway } from "../fakes/gateway.js";
import { type KeylimeWorld, startKeylimeWorld } from "../fakes/keylime-world.js";
import { liveTree } from "./support/live-set-ups.js";
import type { Tree } from "./support/machine-tree.js";
import type { LiveScenario } from "./support/scenario.js";

interface Proxied extends AsyncDisposable {
  keylime: KeylimeWorld;
  gateway: Gateway;
}

async function start(pki: FieldReportPki): Promise<Proxied> {
  const [keylime, gateway] = await Promise.all([startKeylimeWorld({ pki }), startGateway(pki)]);
  return {
    keylime,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await keylime[Symbol.asyncDispose]();
    },
  };
}

const site = "/etc/nginx/conf.d/keylime.conf";

/** The plugin asks the proxy, and nginx passes on to Keylime's port. */
function proxied(pki: FieldReportPki, { keylime, gateway }: Proxied, names: readonly string[]): Tree {
  return {
    ...liveTree(pki, keylime, { server: { keylime_verifier_port: String(gateway.port) } }),
    "/etc/nginx/nginx.conf": "events {}\nhttp {\n  include conf.d/*.conf;\n}\n",
    [site]: [
      "upstream keylime_verifier { server 127.0.0.1:8881; }",
      "server {",
      `  listen 127.0.0.1:${gateway.port} ssl;`,
      "  proxy_ssl_verify on;",
      ...names,
      "  location / { proxy_pass https://keylime_verifier; }",
      "}",
      "",
    ].join("\n"),
  };
}

export const scenarios: readonly LiveScenario<Proxied>[] = [
  {
    name: "nginx looks for the name of its upstream block",
    start,
    tree: (pki, world) => [proxied(pki, world, [])],
    causes: ["proxy-sni", "client-cert-not-sent"],
    says: [
      "nginx looks for the name keylime_verifier in the verifier's certificate",
      "verifier.keylime.funlab.casa",
      `proxy_pass https://keylime_verifier (${site}:5)`,
      "HTTP 502",
      "set proxy_ssl_name verifier.keylime.funlab.casa",
    ],
  },
  {
    name: "perhaps, where nginx has the name and fails all the same",
    start,
    tree: (pki, world) => [proxied(pki, world, ["  proxy_ssl_name verifier.keylime.funlab.casa;"])],
    causes: ["client-cert-not-sent", "proxy-sni"],
  },
];
