// A Notifier plugin for spire-server, whose messages are taken as bytes: the runtime knows nothing of their meaning.
import {
  createHclogLogger,
  type ServiceDefinitionLike,
  StatusCode,
  servePlugin,
  statusError,
} from "spire-keylime/plugin-sdk";

const method = (name: string) => ({
  path: `/spire.plugin.server.notifier.v1.Notifier/${name}`,
  requestStream: false as const,
  responseStream: false as const,
  requestSerialize: (bytes: Buffer) => bytes,
  requestDeserialize: (bytes: Buffer) => bytes,
  responseSerialize: (bytes: Buffer) => bytes,
  responseDeserialize: (bytes: Buffer) => bytes,
});
const definition = {
  notify: method("Notify"),
  notifyAndAdvise: method("NotifyAndAdvise"),
} satisfies ServiceDefinitionLike;

const logger = createHclogLogger();
const empty = Buffer.alloc(0);

void servePlugin({
  type: "Notifier",
  logger,
  config: {
    async configure({ hcl, trustDomain }) {
      if (!hcl.includes("sesame")) throw statusError(StatusCode.INVALID_ARGUMENT, "word is missing");
      logger.log("info", `Configured for ${trustDomain}`);
    },
  },
  pluginService: {
    definition,
    implementation: {
      notify: async () => empty,
      async notifyAndAdvise(request) {
        logger.log("info", "Bundle loaded", { bytes: request.length });
        return empty;
      },
    },
  },
  onUnload: () => logger.log("info", "Unloaded"),
}).then(({ exitCode }) => process.exit(exitCode));
