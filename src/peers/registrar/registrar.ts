import type { Logger } from "../../core/logger.js";
import { emptyAnswer } from "../http/answer.js";
import { versionSet } from "../http/api-versions.js";
import type { ListenAddress, ServerTls, TlsListenerOptions } from "../http/listener.js";
import { servePlain, serveTls } from "../http/peer-server.js";
import { RegistrarApi } from "./registrar-api.js";
import type { RegisteredAgent } from "./registration.js";

export interface RegistrarOptions {
  /** For agents: register, activate and /version only. */
  http: ListenAddress;
  https: ListenAddress;
  tls: ServerTls;
  logger: Logger;
  /** What /version lists; everything of Keylime 7.14.3 when not given. */
  apiVersions?: readonly string[];
  /** Told of every TLS handshake, the refused ones too. */
  onHandshake?: TlsListenerOptions["onHandshake"];
}

export interface EmbeddedRegistrar {
  readonly httpAddress: ListenAddress;
  readonly httpsAddress: ListenAddress;
  /** Copies of the records, in the order of their first registration. */
  agents(): RegisteredAgent[];
  rotateTls(tls: ServerTls): void;
  stop(): Promise<void>;
}

/** Starts a registrar for laboratories and tests, which answers as Keylime 7.14.3 does; its records live in memory. */
export async function startRegistrar(options: RegistrarOptions): Promise<EmbeddedRegistrar> {
  const api = new RegistrarApi(options.logger);
  const routes = api.routes(versionSet(options.apiVersions));
  const { logger, onHandshake } = options;
  const services = { routes, unknownPath: () => emptyAnswer(404), logger, ...(onHandshake && { onHandshake }) };
  const plain = await servePlain(options.http, services);
  const secure = await serveTls(options.https, options.tls, services);
  options.logger.log("info", "Embedded Keylime registrar started: for laboratories and tests only", {
    http: `${plain.address.host}:${plain.address.port}`,
    https: `${secure.address.host}:${secure.address.port}`,
  });
  return {
    httpAddress: plain.address,
    httpsAddress: secure.address,
    agents: () => api.agents(),
    rotateTls: (tls) => secure.rotateTls(tls),
    async stop() {
      await Promise.all([plain.stop(), secure.stop()]);
    },
  };
}
