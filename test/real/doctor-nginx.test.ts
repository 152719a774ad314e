import { afterAll, beforeAll, expect, it } from "vitest";
import type { FaultId } from "../../src/faults/faults.js";
import { reportedVerifierConf, verifierConf } from "../scenarios/support/set-ups.js";
import { type AttestingNode, startAttestingNode } from "./support/attesting-node.js";
import { causesOf, examine } from "./support/examined-node.js";
import { type NginxSite, startNginx } from "./support/nginx.js";
import { describeWithPeers } from "./support/peers.js";

const verify = "proxy_ssl_verify on;";
const name = "verifier.keylime.funlab.casa";

/** What nginx is told, and what comes of it: the status behind it, and the causes. */
const sites: Record<string, { site: NginxSite; status: number; causes: readonly FaultId[] }> = {
  "the name of its upstream block": {
    site: { host: "keylime_verifier", directives: [verify] },
    status: 502,
    causes: ["proxy-sni"],
  },
  "the verifier's address, which nginx finds in no certificate": {
    site: { host: "127.0.0.1", directives: [verify] },
    status: 502,
    causes: ["proxy-sni"],
  },
  "another name": {
    site: { host: "keylime_verifier", directives: [verify, "proxy_ssl_name other.keylime.funlab.casa;"] },
    status: 502,
    causes: ["proxy-sni"],
  },
  "the verifier's name": {
    site: { host: "keylime_verifier", directives: [verify, `proxy_ssl_name ${name};`, "proxy_ssl_server_name on;"] },
    status: 200,
    causes: [],
  },
  "the verifier's name in quotes, without SNI": {
    site: { host: "keylime_verifier", directives: [verify, `proxy_ssl_name "${name}"; # not sent`] },
    status: 200,
    causes: [],
  },
  "the upstream's name, and no verification": {
    site: { host: "keylime_verifier", directives: ["proxy_ssl_verify off;"] },
    status: 200,
    causes: [],
  },
};

describeWithPeers(
  ["keylime_verifier", "keylime_registrar"],
  "the doctor on a real nginx before a real verifier",
  () => {
    let node: AttestingNode;
    beforeAll(async () => {
      node = await startAttestingNode();
    });
    afterAll(() => node?.[Symbol.asyncDispose]());

    it.each(Object.entries(sites))("that is told %s", async (_, { site, status, causes }) => {
      const verifierPort = node.keylime.ports.verifier;
      await using nginx = await startNginx(node.pki, verifierPort, site);
      const port = `port = ${verifierPort}\n`;
      const ownConf = reportedVerifierConf().replace(/#(trusted_client_ca = \["ca.crt"\]).*\n/, `$1\n${port}`);
      const diagnosis = await examine(node, {
        changes: { server: { keylime_verifier_port: String(nginx.port) } },
        files: { ...nginx.files, [verifierConf]: ownConf },
      });
      const { endpoints } = diagnosis.facts;
      const seen = endpoints.known ? endpoints.value.find(({ id }) => id === "plugin->verifier") : undefined;
      const own = seen?.connections.find(({ presented, probed }) => presented?.label === "configured" && probed.http);
      // Of an agent that nobody knows the verifier answers 404.
      expect(own?.probed.http?.status).toBe(status === 200 ? 404 : status);
      expect(causesOf(diagnosis)).toEqual(causes);
    });
  },
);
