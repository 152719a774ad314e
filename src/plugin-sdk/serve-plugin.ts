import type { Logger } from "../core/logger.js";
import {
  ConfigService,
  type ConfigureRequest,
  type ValidateResponse,
} from "../gen/spire/service/common/config/v1/config.js";
import { InitService } from "../gen/spire/service/private/init/v1/init.js";
import type { GoPluginService } from "../goplugin/grpc-listener.js";
import { createHclogLogger } from "../goplugin/hclog.js";
import type { PluginProcess } from "../goplugin/plugin-process.js";
import { type GoPluginEnd, serveGoPlugin } from "../goplugin/serve.js";
import { type CallContext, grpcImplementation, type Handlers, type ServiceDefinitionLike } from "./handlers.js";
import { createHostServices, type LazyHostServices } from "./host-services.js";
import { serviceNameOf } from "./service-name.js";

/** A plugin configuration as SPIRE hands it over. */
export interface PluginConfiguration {
  /** The bare name, `example.org`. */
  trustDomain: string;
  /** The text of plugin_data, empty when the plugin block has none. */
  hcl: string;
}

/** What the Config service answers with. Configure may run while attestations run: swap what they use in one step. */
export interface ConfigHandlers {
  /** Throw to refuse; SPIRE keeps the configuration it had, or does not start when there was none. */
  configure(configuration: PluginConfiguration, call: CallContext): Promise<void>;
  /**
   * Returns what is wrong, one line each, without applying anything. SPIRE 1.14 and newer call the configuration invalid
   * when there is any line, so it must not be used for advice.
   */
  validate?(configuration: PluginConfiguration, call: CallContext): Promise<readonly string[]>;
}

export interface ServePluginOptions<D extends ServiceDefinitionLike> {
  /** SPIRE's plugin type (`NodeAttestor`, `KeyManager`, …), which is also the cookie of the handshake. */
  type: string;
  /** The plugin's gRPC service: its generated definition and one async function per method. */
  pluginService: { definition: D; implementation: Handlers<D> };
  /** Without it SPIRE loads the plugin only when its block has no plugin_data. */
  config?: ConfigHandlers;
  /** From createHostServices(), when handlers use them. */
  hostServices?: LazyHostServices;
  /** Default: hclog lines on stderr. */
  logger?: Logger;
  /** What somebody who starts the plugin by hand should do instead; printed after why it does not run. */
  startedByHand?: string;
  /** Called when SPIRE unloads the plugin, at most once. */
  onUnload?: () => void | Promise<void>;
  /** @internal */
  process?: PluginProcess;
}

/**
 * Serves a SPIRE plugin of any type to the SPIRE process that started this one. Resolves when the plugin is to end: call
 * `process.exit` with the exit code then. Never rejects. stdout belongs to the protocol from the call on; what is written
 * there becomes log lines.
 */
export async function servePlugin<D extends ServiceDefinitionLike>(
  options: ServePluginOptions<D>,
): Promise<GoPluginEnd> {
  const logger = options.logger ?? createHclogLogger();
  const hostServices = options.hostServices ?? createHostServices();
  const unload = once(async () => {
    hostServices.close();
    await options.onUnload?.();
  });
  return await serveGoPlugin({
    cookie: { key: options.type, value: options.type },
    logger,
    ...(options.startedByHand === undefined ? {} : { startedByHand: options.startedByHand }),
    ...(options.process === undefined ? {} : { process: options.process }),
    services: (broker) => {
      hostServices.connect(broker, logger);
      return spireServices(options, hostServices, logger, unload);
    },
    onEnd: () => void unload().catch((error) => logger.log("error", "unloading failed", { error: String(error) })),
  });
}

function spireServices<D extends ServiceDefinitionLike>(
  { pluginService, config }: ServePluginOptions<D>,
  hostServices: LazyHostServices,
  logger: Logger,
  unload: () => Promise<void>,
): GoPluginService[] {
  const served = [serviceOf(pluginService.definition, pluginService.implementation, logger)];
  if (config !== undefined) served.push(serviceOf(ConfigService, configImplementation(config), logger));
  const pluginServiceNames = served.map(({ definition }) => serviceNameOf(definition as ServiceDefinitionLike));
  const init: Handlers<InitService> = {
    init: async ({ hostServiceNames }) => {
      hostServices.offer(hostServiceNames);
      return { pluginServiceNames };
    },
    deinit: async () => {
      await unload();
      return {};
    },
  };
  return [...served, serviceOf(InitService, init, logger)];
}

function serviceOf<D extends ServiceDefinitionLike>(
  definition: D,
  handlers: Handlers<D>,
  logger: Logger,
): GoPluginService {
  return { definition, implementation: grpcImplementation(definition, handlers, logger) };
}

function configImplementation(config: ConfigHandlers): Handlers<ConfigService> {
  const validate = config.validate?.bind(config);
  return {
    configure: async (request, call) => {
      await config.configure(configurationOf(request), call);
      return {};
    },
    ...(validate === undefined
      ? {}
      : {
          validate: async (request, call): Promise<ValidateResponse> => {
            const notes = [...(await validate(configurationOf(request), call))];
            return { valid: notes.length === 0, notes };
          },
        }),
  };
}

function configurationOf({ coreConfiguration, hclConfiguration }: ConfigureRequest): PluginConfiguration {
  return { trustDomain: coreConfiguration?.trustDomain ?? "", hcl: hclConfiguration };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
