import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Server } from "node:net";
import { connect, createServer, type SecureVersion } from "node:tls";
import { type FieldReportPki, fieldReportPki } from "../src/peers/pki/field-report-pki.js";

/** What one TLS connection said on the wire, in the order of its arrival in between. */
export interface Conversation {
  pieces: { from: "client" | "server"; bytes: Buffer }[];
}

export interface ConversationPlan {
  version: SecureVersion;
  /** Application data from the server to the client. */
  answerBytes: number;
}

/** Real handshakes of Node's TLS with client certificates, each followed by application data. */
export async function recordConversations(plans: readonly ConversationPlan[]): Promise<Conversation[]> {
  const pki = await fieldReportPki({ keyType: "rsa2048" });
  const conversations: Conversation[] = [];
  for (const plan of plans) conversations.push(await recordConversation(plan, pki));
  return conversations;
}

async function recordConversation(plan: ConversationPlan, pki: FieldReportPki): Promise<Conversation> {
  const conversation: Conversation = { pieces: [] };
  const identity = { cert: pki.verifier.chainPem, key: pki.verifier.keyPem, ca: pki.caCompleteChainPem };
  const server = createServer({ ...identity, requestCert: true, minVersion: plan.version, maxVersion: plan.version });
  server.on("secureConnection", (socket) =>
    socket.once("data", () => socket.end(Buffer.alloc(plan.answerBytes, 0x5a))),
  );
  const relay = recordingRelay(await listen(server), conversation);
  try {
    const own = { cert: pki.plugin.chainPem, key: pki.plugin.keyPem, ca: pki.caCompleteChainPem };
    const client = connect({ ...own, port: await listen(relay), host: "127.0.0.1", servername: "localhost" });
    client.on("secureConnect", () => client.write("GET / HTTP/1.1\r\n\r\n"));
    await once(client.resume(), "end");
    client.end();
    await once(client, "close");
  } finally {
    relay.close();
    server.close();
  }
  return conversation;
}

function recordingRelay(port: number, { pieces }: Conversation): Server {
  return createTcpServer({ allowHalfOpen: true }, (client) => {
    const server = connectTcp({ port, host: "127.0.0.1", allowHalfOpen: true });
    client.on("data", (bytes) => pieces.push({ from: "client", bytes })).pipe(server);
    server.on("data", (bytes) => pieces.push({ from: "server", bytes })).pipe(client);
    client.on("error", () => server.destroy());
    server.on("error", () => client.destroy());
  });
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
