import { listed } from "../../../core/listed.js";
import type { Facts } from "../../facts/facts.js";
import { pluginOf } from "../../facts/spire/plugin-of.js";
import type { PluginFacts } from "../../facts/spire/spire-facts.js";
import { blame, refusalsOf } from "../../legs/blame.js";
import { findLeg } from "../../legs/legs-of.js";
import { presentedEvidence } from "../certificates/leg-faults.js";
import { defineCheck, type Evidence, type JudgeContext, type Outcome } from "../check.js";
import { configuredConnection, connectionEvidence, isRefusedForItsCa } from "../live/judge-endpoints.js";
import { liveVerifier } from "../verifier/verifier-conf.js";
import { meantKey, parsedConfs, pluginWords } from "./plugins.js";

const key = "keylime_tls_cert_file";
const keyOfKey = "keylime_tls_key_file";

export const pluginDefaultCert = defineCheck({
  id: "plugin-default-cert",
  family: "spire",
  title: "the plugin presents a certificate that was chosen for it, or a default that the verifier takes",
  judge: (facts, context) => {
    const plugin = pluginOf(facts.spireServer);
    const setting = plugin?.data.known ? plugin.data.value.server?.tls.certFile : undefined;
    const isServers = parsedConfs(facts).some(({ half, configures }) => half === "server" && configures === "server");
    if (plugin === undefined || setting === undefined || !isServers)
      return { is: "skipped", reason: "no server.conf with Keylime's plugin was understood" };
    if (!setting.isDefault) return { is: "clear", because: `${key} = ${JSON.stringify(setting.path)}` };
    if (isMeantToBeSet(plugin))
      return { is: "skipped", reason: `${key} was meant to be set, by a key of another name` };
    return judgeDefault(facts, context, plugin, setting.path);
  },
});

/** Then the key that the plugin does not know is the fault. */
function isMeantToBeSet(plugin: PluginFacts): boolean {
  const keys = plugin.data.known ? plugin.data.value.keys : [];
  return keys.some((each) => each.knownAs === undefined && meantKey(plugin, each)?.key === key);
}

function judgeDefault(facts: Facts, { nowMs }: JudgeContext, plugin: PluginFacts, path: string): Outcome {
  const leg = findLeg("plugin->verifier", facts, nowMs);
  const refusal = refusalsOf(leg === undefined ? [] : [leg]).find(
    ({ side }) => side === "server" && !leg!.isClientTakenLive,
  );
  const isJudged = refusal !== undefined && refusal.judge.trust?.certificates.length !== 0;
  const isForeign = isJudged && blame(refusal, facts.files, nowMs) === "ca-wrong";
  const live = refusedLive(facts);
  if (!isForeign && live === undefined) {
    if (leg?.isClientTakenLive || leg?.verdicts.server.is === "accepts")
      return { is: "clear", because: `the default ${path} is one that the verifier takes` };
    return { is: "unknown", reason: `whether the verifier takes the default ${path} is not known` };
  }
  const trusted = refusal?.judge.trust?.parts.map(({ file }) => file.path) ?? [];
  const where = `${pluginWords(plugin)} has no ${key}`;
  return {
    is: "found",
    findings: [
      {
        severity: "error",
        stopsAttestation: true,
        leg: "plugin->verifier",
        summary: `${where}, so it presents its default ${path}, whose CA the verifier does not trust`,
        evidence: [
          ...(leg?.client.presented === undefined ? [] : presentedEvidence(leg.client.presented)),
          ...(trusted.length === 0 ? [] : [{ text: `the verifier trusts what is in ${listed(trusted)}` }]),
          ...(live ?? []),
        ],
        fix: {
          action: `set ${key} and ${keyOfKey} in ${plugin.data.known ? plugin.data.value.file : "plugin_data"} to a client certificate that the verifier trusts, and its key, then restart the SPIRE server`,
        },
      },
    ],
  };
}

/** What the verifier made of the default, when it refused it for its CA. */
function refusedLive(facts: Facts): Evidence[] | undefined {
  const endpoint = liveVerifier(facts)?.endpoint;
  const own = endpoint === undefined ? undefined : configuredConnection(endpoint);
  if (endpoint === undefined || own === undefined || !isRefusedForItsCa(own)) return undefined;
  return [connectionEvidence(endpoint, own)];
}
