import { connect } from "node:net";
import type { FieldReportPki } from "../../../src/peers/pki/field-report-pki.js";
import { startChild } from "../../support/child.js";
import { freePort } from "../../support/free-port.js";
import { temporaryDirectory } from "../../support/temporary-directory.js";
import { until } from "../../support/until.js";

export interface Nginx extends AsyncDisposable {
  port: number;
  /** Its configuration, as files of an examined machine. */
  files: Record<string, string>;
}

export interface NginxSite {
  /** The host that proxy_pass names; an upstream block of this name leads to the verifier. */
  host: string;
  /** More directives of the server block. */
  directives: readonly string[];
}

/** A real nginx with TLS towards its clients and mutual TLS towards a verifier on this machine. */
export async function startNginx(pki: FieldReportPki, verifierPort: number, site: NginxSite): Promise<Nginx> {
  const directory = await temporaryDirectory("nginx");
  const port = await freePort();
  const cert = await directory.write("proxy.crt", pki.verifier.chainPem);
  const key = await directory.write("proxy.key", pki.verifier.keyPem);
  const ca = await directory.write("ca.crt", pki.caCompleteChainPem);
  const client = await directory.write("client.crt", pki.plugin.chainPem);
  const clientKey = await directory.write("client.key", pki.plugin.keyPem);
  const isAddress = /^[\d.]+$/.test(site.host);
  const text = [
    ...(isAddress ? [] : [`upstream ${site.host} { server 127.0.0.1:${verifierPort}; }`]),
    "server {",
    `  listen 127.0.0.1:${port} ssl;`,
    `  ssl_certificate ${cert}; ssl_certificate_key ${key};`,
    `  ssl_client_certificate ${ca}; ssl_verify_client on; ssl_verify_depth 3;`,
    `  proxy_ssl_certificate ${client}; proxy_ssl_certificate_key ${clientKey};`,
    `  proxy_ssl_trusted_certificate ${ca}; proxy_ssl_verify_depth 3;`,
    ...site.directives.map((directive) => `  ${directive}`),
    `  location / { proxy_pass https://${site.host}${isAddress ? `:${verifierPort}` : ""}; }`,
    "}",
    "",
  ].join("\n");
  const base = [
    `pid ${directory.file("pid")};`,
    "error_log stderr;",
    "events {}",
    "http {",
    "  access_log off;",
    ...["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `  ${name}_temp_path ${directory.path}/tmp;`),
    "  include conf.d/*.conf;",
    "}",
    "",
  ].join("\n");
  const main = await directory.write("nginx.conf", base);
  await directory.write("conf.d/keylime.conf", text);
  const child = await startChild({
    command: "nginx",
    args: ["-p", directory.path, "-c", main, "-g", "daemon off;"],
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
  });
  const stop = async () => {
    await child.stop();
    await directory[Symbol.asyncDispose]();
  };
  try {
    await until(() => accepts(port), { what: `nginx to listen on ${port}` });
  } catch (error) {
    const said = child.output();
    await stop();
    throw new Error(`nginx did not start: ${said}`, { cause: error });
  }
  const files = { "/etc/nginx/nginx.conf": base, "/etc/nginx/conf.d/keylime.conf": text };
  return { port, files, [Symbol.asyncDispose]: stop };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
