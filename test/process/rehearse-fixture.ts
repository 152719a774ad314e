// A plugin half that attests without Keylime, or misbehaves as its plugin_data (one word) says.
import {
  AgentNodeAttestorService,
  createHclogLogger,
  createHostServices,
  ServerNodeAttestorService,
  StatusCode,
  servePlugin,
  statusError,
} from "spire-keylime/plugin-sdk";

const half = process.argv[2];
const logger = createHclogLogger({ module: "fixture" });
const hostServices = createHostServices();
let word = "";
const json = (fields: Record<string, string>) =>
  Buffer.from(
    JSON.stringify(
      Object.fromEntries(Object.entries(fields).map(([key, text]) => [key, Buffer.from(text).toString("base64")])),
    ),
  );
const forever = () => new Promise<never>(() => setInterval(() => {}, 1000));

async function misbehave(): Promise<void> {
  if (word === "hang") await forever();
  if (word === "die") process.kill(process.pid, "SIGABRT");
  if (word === "deny") throw statusError(StatusCode.PERMISSION_DENIED, "[quote-refused] the quote was refused");
  if (word === "late") await new Promise((resolve) => setTimeout(resolve, 200));
}

const config = {
  configure: async ({ hcl }: { hcl: string }) => {
    word = hcl.trim();
    if (word === "refuse") throw statusError(StatusCode.INVALID_ARGUMENT, "no such setting");
    if (word === "slow") await forever();
    logger.log("debug", "Configured", { word });
    if (word === "warn") logger.log("warn", "Careful");
  },
};

const shared = { type: "NodeAttestor", config, hostServices, logger };

const serve =
  half === "server"
    ? servePlugin({
        ...shared,
        pluginService: {
          definition: ServerNodeAttestorService,
          implementation: {
            attest: async (call) => {
              await call.receive();
              await misbehave();
              if (word === "stop") return;
              if (word !== "quick") {
                await call.send({ challenge: json({ Nonce: "SECRETNONCE" }) });
                if (word === "early") throw statusError(StatusCode.PERMISSION_DENIED, "[agent-failed] it failed");
                await call.receive();
              }
              const agentAttributes = {
                spiffeId: word === "anonymous" ? "" : "spiffe://example.org/spire/agent/fixture/1",
                selectorValues: ["a:1", "b\n2"],
                canReattest: true,
              };
              await call.send({ agentAttributes });
            },
          },
        },
      })
    : servePlugin({
        ...shared,
        pluginService: {
          definition: AgentNodeAttestorService,
          implementation: {
            aidAttestation: async (call) => {
              if (word === "mute") return void (await call.send({ payload: Buffer.alloc(0) }));
              await call.send({ payload: json({ AgentID: "agent-1", HashAlg: "sha256" }) });
              if (word === "early") throw statusError(StatusCode.UNAVAILABLE, "no TPM");
              await call.receive();
              await misbehave();
              await call.send({ challengeResponse: json({ TPMQuote: "SECRETQUOTE" }) });
            },
          },
        },
      });

void serve.then(({ exitCode }) => process.exit(exitCode));
