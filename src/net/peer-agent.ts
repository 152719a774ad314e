import { Agent } from "node:http";
import type { Duplex } from "node:stream";
import { type ConnectionState, type ConnectionTarget, openConnection } from "./connection.js";

/** Keep-alive connections made with one generation of an identity. */
export class PeerAgent extends Agent {
  private readonly states = new WeakMap<Duplex, ConnectionState>();
  private retired = false;

  constructor(
    readonly target: ConnectionTarget,
    { maxSockets, idleMs }: { maxSockets: number; idleMs: number },
  ) {
    // Node ends an idle connection after `timeout`; on a busy one it only emits an event that nobody listens to.
    super({ keepAlive: true, maxSockets, maxFreeSockets: maxSockets, timeout: idleMs, scheduling: "lifo" });
  }

  override createConnection(): Duplex {
    const { socket, state } = openConnection(this.target);
    this.states.set(socket, state);
    return socket;
  }

  override keepSocketAlive(socket: Duplex): boolean {
    if (this.retired) return false;
    super.keepSocketAlive(socket);
    return true;
  }

  stateOf(socket: Duplex): ConnectionState | undefined {
    return this.states.get(socket);
  }

  /** Running requests finish; no connection is kept. */
  retire(): void {
    this.retired = true;
    this.dropIdle();
  }

  dropIdle(): void {
    for (const socket of Object.values(this.freeSockets).flatMap((each) => each ?? [])) socket.destroy();
  }
}
