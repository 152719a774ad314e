import type { Client } from "@grpc/grpc-js";
import { type Logger, silentLogger } from "../core/logger.js";
import { type Label, MetricsService } from "../gen/spire/hostservice/common/metrics/v1/metrics.js";
import { type AgentInfo, AgentStoreService } from "../gen/spire/hostservice/server/agentstore/v1/agentstore.js";
import {
  type FetchX509IdentityResponse,
  IdentityProviderService,
} from "../gen/spire/hostservice/server/identityprovider/v1/identityprovider.js";
import type { PluginBroker } from "../goplugin/plugin-broker.js";
import { type CallableMethod, type CallLimits, callUnary, dialService } from "../goplugin/service-client.js";
import { StatusCode, statusError } from "../goplugin/status-error.js";
import { serviceNameOf } from "./service-name.js";

/** The broker's id of the connection on which SPIRE serves its host services. */
export const hostServicesConnectionId = 1;

const defaultTimeoutMs = 5000;
const maxReceiveBytes = 4 * 1024 * 1024;
/** Metrics are worth less than memory: beyond this many unanswered calls they are dropped. */
const maxMetricsInFlight = 64;

export type MetricLabels = Record<string, string>;

/**
 * SPIRE's telemetry. A key is its parts (`["attest", "duration"]`); SPIRE puts its own in front. Nothing here waits, throws
 * or fails a call: without a host that takes metrics they are dropped.
 */
export interface Metrics {
  setGauge(key: readonly string[], value: number, labels?: MetricLabels): void;
  emitKey(key: readonly string[], value: number): void;
  incrCounter(key: readonly string[], value: number, labels?: MetricLabels): void;
  addSample(key: readonly string[], value: number, labels?: MetricLabels): void;
  /** @param startMs when the measured work began, in milliseconds since the Unix epoch */
  measureSince(key: readonly string[], startMs: number, labels?: MetricLabels): void;
}

/** The agents SPIRE server knows (offered to server plugins only). */
export interface AgentStore {
  /** @throws StatusError NOT_FOUND for an unknown agent, FAILED_PRECONDITION before SPIRE server is up */
  getAgentInfo(agentId: string, limits?: CallLimits): Promise<AgentInfo>;
}

/** SPIRE server's own X.509-SVID, with its private key: never log it (offered to server plugins only). */
export interface IdentityProvider {
  /** @throws StatusError FAILED_PRECONDITION before SPIRE server is up, for instance in Configure */
  fetchX509Identity(limits?: CallLimits): Promise<FetchX509IdentityResponse>;
}

/** What the host offers. Make it before serving, hand it to servePlugin, and use it in handlers. */
export interface HostServices {
  readonly metrics: Metrics;
  readonly agentStore: AgentStore;
  readonly identityProvider: IdentityProvider;
}

/** The host services as servePlugin connects them: dialled at first use, on the connection the broker names. */
export class LazyHostServices implements HostServices {
  readonly metrics: Metrics = metricsOver((method, request) => this.#report(method, request));
  readonly agentStore: AgentStore = {
    getAgentInfo: async (agentId, limits) => {
      const { info } = await this.#call(AgentStoreService, AgentStoreService.getAgentInfo, { agentId }, limits);
      return info ?? { agentId: "" };
    },
  };
  readonly identityProvider: IdentityProvider = {
    fetchX509Identity: (limits) =>
      this.#call(IdentityProviderService, IdentityProviderService.fetchX509Identity, {}, limits),
  };

  #broker: PluginBroker | undefined;
  #offered: ReadonlySet<string> = new Set();
  #client: Promise<Client> | undefined;
  #metricsInFlight = 0;
  #metricsDropped = 0;
  #closed = false;
  #logger: Logger = silentLogger;

  /** @internal */
  connect(broker: PluginBroker, logger: Logger): void {
    this.#broker = broker;
    this.#logger = logger;
  }

  /** @internal */
  offer(names: readonly string[]): void {
    this.#offered = new Set(names);
  }

  /** @internal */
  close(): void {
    this.#closed = true;
    this.#client?.then((client) => client.close()).catch(() => {});
  }

  async #call<Q, S>(
    definition: Parameters<typeof serviceNameOf>[0],
    method: CallableMethod<Q, S>,
    request: Q,
    limits: CallLimits = {},
  ): Promise<S> {
    const name = serviceNameOf(definition);
    if (!this.#offered.has(name)) throw statusError(StatusCode.UNIMPLEMENTED, `the host does not offer ${name}`);
    return await callUnary(await this.#dial(), method, request, { timeoutMs: defaultTimeoutMs, ...limits });
  }

  #dial(): Promise<Client> {
    const broker = this.#broker;
    if (broker === undefined || this.#closed) {
      return Promise.reject(statusError(StatusCode.UNAVAILABLE, "no host is connected"));
    }
    this.#client ??= broker.target(hostServicesConnectionId).then((target) => dialService(target, maxReceiveBytes));
    // A host that was late may still announce the address: the next call asks again.
    this.#client.catch(() => {
      this.#client = undefined;
    });
    return this.#client;
  }

  #report<Q>(method: CallableMethod<Q, unknown>, request: Q): void {
    if (this.#closed || !this.#offered.has(serviceNameOf(MetricsService))) return;
    if (this.#metricsInFlight >= maxMetricsInFlight) {
      this.#metricsDropped++;
      return;
    }
    this.#metricsInFlight++;
    this.#call(MetricsService, method, request)
      .catch((error) => this.#logger.log("debug", "metric not taken by the host", { error: String(error) }))
      .finally(() => {
        this.#metricsInFlight--;
        if (this.#metricsInFlight > 0 || this.#metricsDropped === 0) return;
        this.#logger.log("debug", "metrics dropped: the host answers too slowly", { count: this.#metricsDropped });
        this.#metricsDropped = 0;
      });
  }
}

/** Host services that connect when servePlugin has been given them. */
export function createHostServices(): LazyHostServices {
  return new LazyHostServices();
}

type Report = <Q>(method: CallableMethod<Q, unknown>, request: Q) => void;

function metricsOver(report: Report): Metrics {
  // A caller's mistake (a label that is no string, a time that is no number) costs the metric, nothing else.
  const safely = (make: () => void) => {
    try {
      make();
    } catch {}
  };
  return {
    setGauge: (key, val, labels) =>
      safely(() => report(MetricsService.setGauge, { key: texts(key), val, labels: labelList(labels) })),
    emitKey: (key, val) => safely(() => report(MetricsService.emitKey, { key: texts(key), val })),
    incrCounter: (key, val, labels) =>
      safely(() => report(MetricsService.incrCounter, { key: texts(key), val, labels: labelList(labels) })),
    addSample: (key, val, labels) =>
      safely(() => report(MetricsService.addSample, { key: texts(key), val, labels: labelList(labels) })),
    measureSince: (key, startMs, labels) =>
      safely(() =>
        report(MetricsService.measureSince, {
          key: texts(key),
          time: BigInt(Math.round(startMs * 1000)) * 1000n,
          labels: labelList(labels),
        }),
      ),
  };
}

function texts(parts: readonly string[]): string[] {
  return parts.map(String);
}

function labelList(labels: MetricLabels = {}): Label[] {
  return Object.entries(labels).map(([name, value]) => ({ name, value: String(value) }));
}
