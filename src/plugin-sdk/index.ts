/**
 * Write a SPIRE plugin of any type in TypeScript, or host one as SPIRE does. Published as `spire-keylime/plugin-sdk`; see
 * docs/write-a-plugin.md.
 */
export type { LogFields, Logger, LogLevel } from "../core/logger.js";
export {
  type Challenge,
  NodeAttestorService as AgentNodeAttestorService,
  type PayloadOrChallengeResponse,
} from "../gen/spire/plugin/agent/nodeattestor/v1/nodeattestor.js";
export {
  type AgentAttributes,
  type AttestRequest,
  type AttestResponse,
  NodeAttestorService as ServerNodeAttestorService,
} from "../gen/spire/plugin/server/nodeattestor/v1/nodeattestor.js";
export { createHclogLogger, type HclogOptions } from "../goplugin/hclog.js";
export type { PluginLogRecord } from "../goplugin/hclog-record.js";
export type { GoPluginEnd } from "../goplugin/serve.js";
export type { CallLimits } from "../goplugin/service-client.js";
export { StatusCode, StatusError, statusError, toStatusError } from "../goplugin/status-error.js";
export type {
  BidiCall,
  CallContext,
  Handler,
  Handlers,
  RequestStream,
  ResponseStream,
  ServiceDefinitionLike,
} from "./handlers.js";
export { HostedPlugin, type HostPluginOptions, hostPlugin } from "./host-plugin.js";
export {
  type AgentStore,
  createHostServices,
  type HostServices,
  type IdentityProvider,
  type MetricLabels,
  type Metrics,
} from "./host-services.js";
export type { OfferedHostServices, RecordedMetric } from "./offered-host-services.js";
export { type ConfigHandlers, type PluginConfiguration, type ServePluginOptions, servePlugin } from "./serve-plugin.js";
