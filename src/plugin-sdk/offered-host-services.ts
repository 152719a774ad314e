import { silentLogger } from "../core/logger.js";
import { type Label, MetricsService } from "../gen/spire/hostservice/common/metrics/v1/metrics.js";
import { type AgentInfo, AgentStoreService } from "../gen/spire/hostservice/server/agentstore/v1/agentstore.js";
import {
  type FetchX509IdentityResponse,
  IdentityProviderService,
} from "../gen/spire/hostservice/server/identityprovider/v1/identityprovider.js";
import type { GoPluginService } from "../goplugin/grpc-listener.js";
import { StatusCode, statusError } from "../goplugin/status-error.js";
import { grpcImplementation, type Handlers, type ServiceDefinitionLike } from "./handlers.js";
import type { MetricLabels } from "./host-services.js";
import { serviceNameOf } from "./service-name.js";

/** One call of the Metrics host service. */
export interface RecordedMetric {
  kind: "gauge" | "key" | "counter" | "sample" | "measure";
  key: string[];
  /** For `measure`: when the measured work began, in milliseconds since the Unix epoch. */
  value: number;
  labels: MetricLabels;
}

/** What a host offers to its plugin; what is left out is not offered. SPIRE agent offers metrics only. */
export interface OfferedHostServices {
  metrics?: (metric: RecordedMetric) => void;
  /** Undefined for an agent that is not known. */
  agentStore?: (agentId: string) => Promise<AgentInfo | undefined>;
  identityProvider?: () => Promise<FetchX509IdentityResponse>;
}

export interface NamedService extends GoPluginService {
  name: string;
}

export function offeredServices({ metrics, agentStore, identityProvider }: OfferedHostServices): NamedService[] {
  const services: NamedService[] = [];
  if (identityProvider !== undefined) {
    services.push(named(IdentityProviderService, { fetchX509Identity: async () => await identityProvider() }));
  }
  if (agentStore !== undefined) services.push(named(AgentStoreService, agentStoreHandlers(agentStore)));
  if (metrics !== undefined) services.push(named(MetricsService, metricsHandlers(metrics)));
  return services;
}

function agentStoreHandlers(find: NonNullable<OfferedHostServices["agentStore"]>): Handlers<AgentStoreService> {
  return {
    getAgentInfo: async ({ agentId }) => {
      const info = await find(agentId);
      if (info === undefined) throw statusError(StatusCode.NOT_FOUND, "no such agent");
      return { info };
    },
  };
}

function metricsHandlers(record: (metric: RecordedMetric) => void): Handlers<MetricsService> {
  const valued =
    (kind: RecordedMetric["kind"]) => async (request: { key: string[]; val: number; labels?: Label[] }) => {
      record({ kind, key: request.key, value: request.val, labels: labelsOf(request.labels) });
      return {};
    };
  return {
    setGauge: valued("gauge"),
    emitKey: valued("key"),
    incrCounter: valued("counter"),
    addSample: valued("sample"),
    measureSince: async ({ key, time, labels }) => {
      record({ kind: "measure", key, value: Number(time / 1000n) / 1000, labels: labelsOf(labels) });
      return {};
    },
  };
}

function labelsOf(labels: readonly Label[] = []): MetricLabels {
  return Object.fromEntries(labels.map(({ name, value }) => [name, value]));
}

function named<D extends ServiceDefinitionLike>(definition: D, handlers: Handlers<D>): NamedService {
  return {
    name: serviceNameOf(definition),
    definition,
    implementation: grpcImplementation(definition, handlers, silentLogger),
  };
}
