import type { Client } from "@grpc/grpc-js";
import { Problem } from "../core/problem.js";
import {
  NodeAttestorService as AgentNodeAttestorService,
  type Challenge,
  type PayloadOrChallengeResponse,
} from "../gen/spire/plugin/agent/nodeattestor/v1/nodeattestor.js";
import {
  type AttestRequest,
  type AttestResponse,
  NodeAttestorService as ServerNodeAttestorService,
} from "../gen/spire/plugin/server/nodeattestor/v1/nodeattestor.js";
import {
  ConfigService,
  type ConfigureRequest,
  type ValidateResponse,
} from "../gen/spire/service/common/config/v1/config.js";
import { InitService } from "../gen/spire/service/private/init/v1/init.js";
import type { PluginLogRecord } from "../goplugin/hclog-record.js";
import { type LaunchedPlugin, type LaunchOptions, launchGoPlugin, type Unloaded } from "../goplugin/launch.js";
import {
  type CallableMethod,
  type CallLimits,
  type ClientStream,
  callUnary,
  openStream,
  type StreamOptions,
} from "../goplugin/service-client.js";
import { StatusCode, type StatusError } from "../goplugin/status-error.js";
import { hostServicesConnectionId } from "./host-services.js";
import { type OfferedHostServices, offeredServices } from "./offered-host-services.js";

export interface HostPluginOptions extends Pick<LaunchOptions, "command" | "args" | "env" | "cwd" | "timeoutMs"> {
  /** SPIRE's plugin type, for instance `NodeAttestor`. */
  type: string;
  /** The label of the plugin block; it stands in messages only. */
  name: string;
  /** The bare name, `example.org`. */
  trustDomain: string;
  /** The text of plugin_data; default empty. */
  hclConfiguration?: string;
  hostServices?: OfferedHostServices;
  onLog?: (record: PluginLogRecord) => void;
}

const initTimeoutMs = 60_000;
const deinitTimeoutMs = 10_000;

/**
 * Loads a plugin as SPIRE 1.13 does: process, handshake, host services on broker connection 1, Init. It is not configured
 * yet.
 * @throws Problem `plugin-start`, `plugin-handshake` or `plugin-init`; the process is dead then
 */
export async function hostPlugin(options: HostPluginOptions): Promise<HostedPlugin> {
  const launched = await launchGoPlugin({ ...options, cookie: { key: options.type, value: options.type } });
  try {
    const offered = offeredServices(options.hostServices ?? {});
    await launched.broker.offer(hostServicesConnectionId, offered);
    const hostServiceNames = offered.map(({ name }) => name);
    const { pluginServiceNames } = await callUnary(
      launched.client,
      InitService.init,
      { hostServiceNames },
      { timeoutMs: options.timeoutMs ?? initTimeoutMs },
    );
    return new HostedPlugin(launched, options, pluginServiceNames);
  } catch (error) {
    launched.kill();
    launched.broker.stopServing();
    launched.client.close();
    throw new Problem("plugin-init", `cannot initialise plugin ${JSON.stringify(options.name)}: ${String(error)}`, {
      culprit: "peer",
      cause: error,
    });
  }
}

/** A loaded plugin, seen as SPIRE sees it. */
export class HostedPlugin {
  /** What the plugin says it serves, by full service names. */
  readonly pluginServiceNames: readonly string[];
  readonly #launched: LaunchedPlugin;
  readonly #options: HostPluginOptions;

  constructor(launched: LaunchedPlugin, options: HostPluginOptions, pluginServiceNames: readonly string[]) {
    this.#launched = launched;
    this.#options = options;
    this.pluginServiceNames = pluginServiceNames;
  }

  get pid(): number {
    return this.#launched.pid;
  }

  /** The connection, for services of other plugin types. */
  get client(): Client {
    return this.#launched.client;
  }

  get exited(): LaunchedPlugin["exited"] {
    return this.#launched.exited;
  }

  /** @throws StatusError the plugin's answer when it refuses the configuration */
  async configure(hclConfiguration?: string, limits?: CallLimits): Promise<void> {
    await this.call(ConfigService.configure, this.#request(hclConfiguration), limits);
  }

  /** @throws StatusError UNIMPLEMENTED when the plugin has no Validate, which SPIRE accepts */
  async validate(hclConfiguration?: string, limits?: CallLimits): Promise<ValidateResponse> {
    return await this.call(ConfigService.validate, this.#request(hclConfiguration), limits);
  }

  /** Any unary method of the plugin. */
  async call<Q, S>(method: CallableMethod<Q, S>, request: Q, limits?: CallLimits): Promise<S> {
    return await callUnary(this.client, method, request, limits);
  }

  /** One attestation seen from SPIRE server: the first request carries the agent's payload. */
  attestServer(options?: StreamOptions): ClientStream<AttestRequest, AttestResponse> {
    return openStream(this.client, ServerNodeAttestorService.attest, options);
  }

  /** One attestation seen from SPIRE agent: the first response is the payload, unasked. */
  aidAttestation(options?: StreamOptions): ClientStream<Challenge, PayloadOrChallengeResponse> {
    return openStream(this.client, AgentNodeAttestorService.aidAttestation, options);
  }

  /**
   * Unloads in SPIRE's order: Deinit (10 s), broker, Shutdown, connection, 2 s, SIGKILL, host services. `deinitError` is
   * what SPIRE would log.
   */
  async close(): Promise<Unloaded & { deinitError?: StatusError }> {
    const deinitError = await this.call(InitService.deinit, {}, { timeoutMs: deinitTimeoutMs }).then(
      () => undefined,
      (error: StatusError) => (error.code === StatusCode.UNIMPLEMENTED ? undefined : error),
    );
    const unloaded = await this.#launched.unload();
    return deinitError === undefined ? unloaded : { ...unloaded, deinitError };
  }

  kill(): void {
    this.#launched.kill();
  }

  #request(hclConfiguration = this.#options.hclConfiguration ?? ""): ConfigureRequest {
    return { coreConfiguration: { trustDomain: this.#options.trustDomain }, hclConfiguration };
  }
}
