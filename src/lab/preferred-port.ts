import { once } from "node:events";
import { createServer } from "node:net";

/** The port where Keylime would be, when it is free on this machine; 0 (the system chooses) when it is taken. */
export async function preferredPort(port: number): Promise<number> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return port;
  } catch {
    return 0;
  } finally {
    server.close();
  }
}
