import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { FieldReportPki } from "../../src/peers/pki/field-report-pki.js";

export interface Gateway extends AsyncDisposable {
  port: number;
}

/** What nginx is to its clients when its own connection to the verifier fails: test/real/doctor-nginx.test.ts has the real one. */
export async function startGateway({ verifier }: FieldReportPki): Promise<Gateway> {
  const server = createServer({ cert: verifier.chainPem, key: verifier.keyPem }, (_, response) => {
    response.writeHead(502, { Server: "nginx/1.22.1", "Content-Type": "text/html" });
    response.end("<html><head><title>502 Bad Gateway</title></head></html>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
