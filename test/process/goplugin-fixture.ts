// A plugin that does what its payload says, so that a test can see how the runtime takes it.
import {
  type AttestRequest,
  type AttestResponse,
  type BidiCall,
  createHclogLogger,
  createHostServices,
  ServerNodeAttestorService,
  StatusCode,
  servePlugin,
  statusError,
} from "spire-keylime/plugin-sdk";

const logger = createHclogLogger({ module: "fixture" });
const hostServices = createHostServices();
let configured = "";

type Act = (call: BidiCall<AttestRequest, AttestResponse>, argument: string) => Promise<string>;

const acts: Record<string, Act> = {
  config: async () => configured,
  challenge: async (call, argument) => {
    await call.send({ challenge: Buffer.from(argument) });
    return String((await call.receive())?.challengeResponse);
  },
  deny: async (_call, argument) => {
    throw statusError(StatusCode.PERMISSION_DENIED, argument);
  },
  throw: async () => {
    throw new TypeError("boom\n  on two lines");
  },
  uncaught: async () => {
    setTimeout(() => {
      throw new Error("thrown where nobody catches");
    });
    Promise.reject(new Error("rejected where nobody catches"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    return "alive";
  },
  print: async () => {
    process.stdout.write("1|1|unix|/nowhere|grpc|\n");
    process.stdout.write(`${JSON.stringify({ "@level": 7, "@message": null })}\n`);
    process.stderr.write(`${JSON.stringify({ "@level": 7, "@message": null })}\n`);
    process.emitWarning("a warning of Node");
    return "printed";
  },
  "long-log": async (_call, argument) => {
    logger.log("info", "long", { text: "x".repeat(Number(argument)) });
    return "logged";
  },
  "flood-log": async (_call, argument) => {
    for (let i = 0; i < Number(argument); i++) logger.log("info", "flood", { i, text: "x".repeat(10_000) });
    return String(process.stderr.writableLength < 2 * 1024 * 1024);
  },
  metrics: async () => {
    hostServices.metrics.setGauge(["gauge"], 1.5);
    hostServices.metrics.incrCounter(["counter", "two"], 2, { outcome: "ok" });
    hostServices.metrics.measureSince(["measure"], 1_700_000_000_000);
    for (let i = 0; i < 10_000; i++) hostServices.metrics.measureSince(["many"], Number.NaN);
    return "sent";
  },
  agent: async (_call, argument) => (await hostServices.agentStore.getAgentInfo(argument)).agentId,
  wait: async (call) => {
    await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
    logger.log("info", "call cancelled");
    return "too late";
  },
};

servePlugin({
  type: "NodeAttestor",
  logger,
  hostServices,
  config: {
    async configure({ hcl, trustDomain }) {
      if (hcl === "refuse") throw statusError(StatusCode.INVALID_ARGUMENT, "refused as asked");
      configured = `${trustDomain} ${hcl}`;
    },
    async validate({ hcl }) {
      return hcl === "refuse" ? ["refused as asked"] : [];
    },
  },
  pluginService: {
    definition: ServerNodeAttestorService,
    implementation: {
      async attest(call) {
        const [name = "", ...rest] = String((await call.receive())?.payload).split(" ");
        const act = acts[name];
        if (act === undefined) throw statusError(StatusCode.INVALID_ARGUMENT, `unknown act ${name}`);
        const value = await act(call, rest.join(" "));
        await call.send({
          agentAttributes: {
            spiffeId: `spiffe://example.org/spire/agent/fixture/${name}`,
            selectorValues: [value],
            canReattest: true,
          },
        });
      },
    },
  },
  onUnload: () => logger.log("info", "unloaded"),
}).then(({ exitCode }) => process.exit(exitCode));
