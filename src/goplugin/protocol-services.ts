import { type ServerWritableStream, status } from "@grpc/grpc-js";
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  type HealthServer,
  HealthService,
} from "../gen/grpc/health/v1/health.js";
import { GRPCBrokerService } from "../gen/plugin/grpc_broker.js";
import { type GRPCControllerServer, GRPCControllerService } from "../gen/plugin/grpc_controller.js";
import { type GRPCStdioServer, GRPCStdioService } from "../gen/plugin/grpc_stdio.js";
import type { PluginBroker } from "./plugin-broker.js";

/** The name hosts ask the health service for. */
const healthName = "plugin";

/** The services of the go-plugin protocol itself, which every plugin serves beside its own. */
export function protocolServices(broker: PluginBroker, onShutdown: () => void) {
  return [
    { definition: GRPCBrokerService, implementation: broker.implementation },
    { definition: GRPCStdioService, implementation: stdio },
    { definition: GRPCControllerService, implementation: controller(onShutdown) },
    { definition: HealthService, implementation: health },
  ];
}

function controller(onShutdown: () => void): GRPCControllerServer {
  return {
    shutdown: (_call, callback) => {
      callback(null, {});
      onShutdown();
    },
  };
}

// Nothing is ever sent: what others write to the standard streams is in the log. The stream stays open because a host
// takes its end for the end of the plugin.
const stdio: GRPCStdioServer = { streamStdio: (stream) => void stream.on("error", () => {}) };

const health: HealthServer = {
  check: (call, callback) => {
    if (isServed(call.request)) return callback(null, { status: HealthCheckResponse_ServingStatus.SERVING });
    callback({ code: status.NOT_FOUND, details: "unknown service" });
  },
  watch: (stream: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>) => {
    stream.on("error", () => {});
    const { SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;
    stream.write({ status: isServed(stream.request) ? SERVING : SERVICE_UNKNOWN });
  },
};

function isServed({ service }: HealthCheckRequest): boolean {
  return service === healthName || service === "";
}
