import type { Client, ClientDuplexStream } from "@grpc/grpc-js";
import { Metadata } from "@grpc/grpc-js";
import { type ConnInfo, GRPCBrokerService } from "../gen/plugin/grpc_broker.js";
import { type GoPluginService, GrpcListener } from "./grpc-listener.js";
import type { SocketPlace } from "./plugin-socket.js";

const maxReceiveBytes = 4 * 1024 * 1024;

/** The host's end of the broker stream: it serves on further sockets and says where. */
export class HostBroker {
  readonly #stream: ClientDuplexStream<ConnInfo, ConnInfo>;
  readonly #place: SocketPlace;
  readonly #listeners: GrpcListener[] = [];

  constructor(client: Client, place: SocketPlace) {
    const { path, requestSerialize, responseDeserialize } = GRPCBrokerService.startStream;
    this.#stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata());
    this.#stream.on("error", () => {});
    // A plugin may announce services of its own; this host has no use for them, but must not leave them unread.
    this.#stream.resume();
    this.#place = place;
  }

  /** Serves on a fresh socket and announces it under the id. */
  async offer(serviceId: number, services: readonly GoPluginService[]): Promise<void> {
    const listener = new GrpcListener(services, maxReceiveBytes);
    this.#listeners.push(listener);
    const address = await listener.listen(this.#place);
    this.#stream.write({ serviceId, network: "unix", address, knock: undefined });
  }

  /** Ends the stream; what was offered is still served. */
  close(): void {
    this.#stream.cancel();
  }

  stopServing(): void {
    for (const listener of this.#listeners) listener.destroy();
  }
}
