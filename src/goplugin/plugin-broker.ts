import type { ServerDuplexStream } from "@grpc/grpc-js";
import { Problem } from "../core/problem.js";
import type { ConnInfo, GRPCBrokerServer } from "../gen/plugin/grpc_broker.js";
import { dialTarget } from "./handshake-line.js";

/** What a plugin waits for a connection's address, as Go plugins do. */
const defaultWaitMs = 5000;
/** A host announces a handful; whatever else arrives must not fill the memory. */
const maxKnown = 256;

/** The plugin's end of the broker stream: it learns where the host serves what (go-plugin v1.7 `grpc_broker.go`). */
export class PluginBroker {
  readonly implementation: GRPCBrokerServer = { startStream: (stream) => this.#serve(stream) };
  readonly #known = new Map<number, string>();
  readonly #waiting = new Set<() => void>();
  #openStreams = 0;

  /** Whether a host holds the broker stream open, which hosts do as long as they use the plugin. */
  get isOpen(): boolean {
    return this.#openStreams > 0;
  }

  /**
   * The gRPC target of the connection with this id. The announcement travels on another stream than the calls, so it may
   * arrive after the call that needs it.
   * @throws Problem `plugin-broker-timeout` when the host does not announce it in time
   */
  async target(serviceId: number, waitMs = defaultWaitMs): Promise<string> {
    const endMs = performance.now() + waitMs;
    for (;;) {
      const target = this.#known.get(serviceId);
      if (target !== undefined) return target;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) break;
      await this.#nextAnnouncement(leftMs);
    }
    const message = `cannot connect to the host's services: no address for connection ${serviceId} within ${waitMs} ms`;
    throw new Problem("plugin-broker-timeout", message, { culprit: "peer" });
  }

  #serve(stream: ServerDuplexStream<ConnInfo, ConnInfo>): void {
    this.#openStreams++;
    stream.once("close", () => this.#openStreams--);
    stream.on("data", (info: ConnInfo) => this.#learn(info));
    stream.on("end", () => stream.end());
    // A cancelled stream is how a host goes; the library has already answered it.
    stream.on("error", () => {});
  }

  #learn({ serviceId, network, address }: ConnInfo): void {
    if (address === "" || (network !== "unix" && network !== "tcp")) return;
    if (this.#known.size >= maxKnown && !this.#known.has(serviceId)) return;
    this.#known.set(serviceId, dialTarget(network, address));
    for (const wake of this.#waiting) wake();
  }

  #nextAnnouncement(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.#waiting.add(wake);
    });
  }
}
