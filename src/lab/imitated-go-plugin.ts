/**
 * Stands in for the server half of the Go plugin (keylime/spire-keylime-plugin@9f270a0, pkg/server/server.go), for the
 * lab's first scene only: it behaves as that one was measured to. Keys of plugin_data that it does not know are dropped
 * without a word, the default certificate is presented then, the verifier's certificate is not checked, and errors read
 * as Go prints them. It is loaded as a process of its own over the plugin protocol, as the real one is.
 */
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { silentLogger } from "../core/logger.js";
import { parseHcl } from "../formats/hcl/parser.js";
import {
  type AttestRequest,
  type AttestResponse,
  type BidiCall,
  createHclogLogger,
  ServerNodeAttestorService,
  StatusCode,
  servePlugin,
  statusError,
} from "../plugin-sdk/index.js";
import { goPluginKeys } from "../spire/schema.js";
import { alertMeanings } from "../tls/alert.js";

/** Names the lab's directory: the plugin's default files are looked for below it instead of below the root. */
export const labRootVariable = "SPIRE_KEYLIME_LAB_ROOT";

type GoSettings = Record<keyof typeof goPluginKeys.server, string>;

/** Runs until the host unloads it; resolves with the exit code. */
export async function runImitatedGoPlugin(env: NodeJS.ProcessEnv): Promise<number> {
  const logger = createHclogLogger();
  let settings: GoSettings | undefined;
  const { exitCode } = await servePlugin({
    type: "NodeAttestor",
    // The Go plugin says nothing of a call that failed.
    logger: silentLogger,
    pluginService: {
      definition: ServerNodeAttestorService,
      implementation: { attest: (call) => attest(call, settings) },
    },
    config: {
      async configure({ hcl }) {
        settings = goSettings(hcl, env[labRootVariable] ?? "/");
        logger.log("info", "Configured plugin");
      },
    },
  });
  return exitCode;
}

/** What a Go struct makes of plugin_data: known keys in any case, everything else ignored. */
function goSettings(hcl: string, root: string): GoSettings {
  const known = Object.entries(goPluginKeys.server).map(([key, value]) => [
    key,
    value.startsWith("/") ? join(root, value) : value,
  ]);
  const settings = Object.fromEntries(known) as GoSettings;
  for (const { keys, value } of parseHcl(hcl, { printedBySpire: true }).items) {
    const name = keys[0].name.toLowerCase();
    if (name in settings && value.kind === "string") settings[name as keyof GoSettings] = value.value;
  }
  return settings;
}

async function attest(call: BidiCall<AttestRequest, AttestResponse>, settings: GoSettings | undefined): Promise<void> {
  if (settings === undefined) throw statusError(StatusCode.FAILED_PRECONDITION, "not configured");
  const payload = JSON.parse(String((await call.receive())?.payload ?? "{}")) as { AgentID?: string };
  const agentId = Buffer.from(payload.AgentID ?? "", "base64").toString();
  const base = `https://${settings.keylime_verifier_host}:${settings.keylime_verifier_port}`;
  const url = `${base}/v2.2/agents/${agentId}`;
  const state = await fetchState(url, settings).catch((error: unknown) => {
    const message = `unable to contact Keylime verifier at ${url}: Get "${url}": ${goText(error)}`;
    throw statusError(StatusCode.INTERNAL, message);
  });
  const message = `Keylime agent is not in a verified state. Current state: ${state}`;
  // The scene ends before a challenge: this stand-in takes an attestation no further than the failure it is here to show.
  throw statusError(StatusCode.INTERNAL, message);
}

async function fetchState(url: string, settings: GoSettings): Promise<number> {
  const [cert, key] = await Promise.all([
    readFile(settings.keylime_tls_cert_file),
    readFile(settings.keylime_tls_key_file),
  ]);
  return await new Promise((resolve, reject) => {
    // The Go plugin sets InsecureSkipVerify; the connection never leaves the lab.
    const outgoing = request(url, { cert, key, rejectUnauthorized: false, agent: false, timeout: 10_000 }, (answer) => {
      answer.resume();
      answer.once("error", reject);
      answer.once("end", () => resolve(0));
    });
    outgoing.once("timeout", () => outgoing.destroy(new Error("i/o timeout")));
    outgoing.once("error", reject);
    outgoing.end();
  });
}

/** A TLS alert as Go's crypto/tls prints it; other errors in their own words. */
function goText(error: unknown): string {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  const alert = Object.values(alertMeanings).find(({ openssl }) => sameReason(openssl, code));
  return alert === undefined ? message : `remote error: tls: ${alert.go}`;
}

/** Node makes `ERR_SSL_TLSV1_ALERT_UNKNOWN_CA` of OpenSSL's `tlsv1 alert unknown ca`. */
function sameReason(openssl: string, code: string): boolean {
  return `ERR_SSL_${openssl.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_")}` === code;
}
