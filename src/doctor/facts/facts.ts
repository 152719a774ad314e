import type { EndpointFacts } from "./endpoints/endpoint-facts.js";
import type { Fact } from "./fact.js";
import type { FileFacts } from "./files/file-facts.js";
import type { KeylimeFacts } from "./keylime/keylime-facts.js";
import type { NodeFacts } from "./node/node-facts.js";
import type { ProcessFacts } from "./processes/process-facts.js";
import type { ProxyFacts } from "./proxies/proxy-facts.js";
import type { RehearsalFacts } from "./rehearsal/rehearsal-facts.js";
import type { SpireConfFacts } from "./spire/spire-facts.js";
import type { UnitFacts } from "./units/gather-units.js";

/**
 * Everything that was gathered before any check judges: data alone, without handles, so that it can be written down.
 * What could not be learnt is here as well, with its reason. Paths are those of the examined machine.
 */
export interface Facts extends LiveFacts {
  scope: Scope;
  spireServer: Fact<SpireConfFacts>;
  spireAgent: Fact<SpireConfFacts>;
  processes: Fact<readonly ProcessFacts[]>;
  units: readonly UnitFacts[];
  keylime: KeylimeFacts;
  /** What the configured server plugin does when it is started; unknown unless that was asked for. */
  rehearsal: Fact<RehearsalFacts>;
  /** What an nginx on the machine passes on over TLS. */
  proxies: Fact<readonly ProxyFacts[]>;
  /** Every file that a configuration names or that counts by default. */
  files: readonly FileFacts[];
}

/** What was learnt before any connection was made. */
export type OfflineFacts = Omit<Facts, keyof LiveFacts>;

/** What the gathering was limited to. */
export interface Scope {
  /** The copied machine; undefined: this one. What a copy does not hold proves nothing about the machine. */
  root: string | undefined;
  /** No connection was made. */
  isOffline: boolean;
}

/** What was learnt over the network; with --offline all of it is unknown. */
export interface LiveFacts {
  endpoints: Fact<readonly EndpointFacts[]>;
  node: NodeFacts;
}
