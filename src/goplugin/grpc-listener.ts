import { createServer, type Server, type Socket } from "node:net";
import {
  Server as GrpcServer,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { listenOnSocket, type SocketPlace } from "./plugin-socket.js";

/** A gRPC service: its generated definition and the functions the library calls. */
export interface GoPluginService {
  definition: ServiceDefinition;
  implementation: UntypedServiceImplementation;
}

/** Longest message a Go plugin takes; ours takes the same. */
export const defaultMaxReceiveBytes = 4 * 1024 * 1024;

/**
 * gRPC services on a UNIX socket of their own, without TLS. The listener is ours and the library gets its connections,
 * so that a peer that goes is seen as it goes.
 */
export class GrpcListener {
  readonly #grpc: GrpcServer;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  readonly #onConnections: (open: number) => void;

  /** @param onConnections called with the number of open connections whenever it changes */
  constructor(services: readonly GoPluginService[], maxReceiveBytes: number, onConnections?: (open: number) => void) {
    this.#onConnections = onConnections ?? (() => {});
    this.#grpc = new GrpcServer({ "grpc.max_receive_message_length": maxReceiveBytes, "grpc.enable_channelz": 0 });
    for (const { definition, implementation } of services) this.#grpc.addService(definition, implementation);
    const injector = this.#grpc.createConnectionInjector(ServerCredentials.createInsecure());
    this.#listener = createServer((socket) => {
      this.#track(socket);
      injector.injectConnection(socket);
    });
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Returns the path. @throws Problem `plugin-socket` */
  async listen(place: SocketPlace): Promise<string> {
    return await listenOnSocket(this.#listener, place);
  }

  /** Takes no more connections and removes the socket file. */
  stopListening(): void {
    if (this.#listener.listening) this.#listener.close();
  }

  /** Ends everything at once; calls in flight are cancelled. */
  destroy(): void {
    this.stopListening();
    this.#grpc.forceShutdown();
    for (const socket of this.#sockets) socket.destroy();
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#onConnections(this.#sockets.size);
    });
    this.#onConnections(this.#sockets.size);
  }
}
