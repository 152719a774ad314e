import { once } from "node:events";
import { createServer } from "node:net";
import { freePort } from "../peers/real/free-port.js";

/** Where the lab's services listen on 127.0.0.1. */
export interface LabPorts {
  verifier: number;
  registrarHttp: number;
  registrarTls: number;
  keylimeAgent: number;
  spireServer: number;
}

const usual: [keyof LabPorts, port: number, service: string][] = [
  ["verifier", 8881, "the verifier"],
  ["registrarHttp", 8890, "the registrar's plain HTTP"],
  ["registrarTls", 8891, "the registrar"],
  ["keylimeAgent", 9002, "the Keylime agent"],
  ["spireServer", 8081, "spire-server"],
];

/** The ports of a usual installation; where one is taken on this machine, another one and a notice about it. */
export async function chooseLabPorts({ isReal }: { isReal: boolean }): Promise<{ ports: LabPorts; notices: string[] }> {
  const notices: string[] = [];
  const chosen: [keyof LabPorts, number][] = [];
  for (const [name, port, service] of usual) {
    const taken = !(await isFree(port));
    const instead = taken ? await freePort() : port;
    if (taken && (isReal || name !== "spireServer"))
      notices.push(`port ${port} is in use on this machine: ${service} listens on ${instead}`);
    chosen.push([name, instead]);
  }
  return { ports: Object.fromEntries(chosen) as unknown as LabPorts, notices };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return true;
  } catch {
    return false;
  }
}
