import type { Clock } from "../../core/clock.js";
import type { Logger } from "../../core/logger.js";
import { type Answer, envelope, success } from "../http/answer.js";
import type { PeerRequest, Route } from "../http/route.js";
import type { AgentCaller } from "./agent-call.js";
import { type AgentEntry, isPushAgent, statusOf } from "./agent-entry.js";
import { AttestationLoop, type LoopSettings } from "./attestation-loop.js";
import { type EnrolmentContext, enrol } from "./enrolment.js";
import { judgeIdentityQuote } from "./judge-identity.js";
import { isPresentPolicy, type Policies } from "./policies.js";
import { restartedStates, restingStates, states } from "./states.js";

export interface AgentsApiOptions {
  enrolment: Omit<EnrolmentContext, "policies" | "exists">;
  settings: LoopSettings;
  policies: Policies;
  caller: AgentCaller;
  clock: Clock;
  logger: Logger;
}

/** The verifier's agents: their routes, their entries and the loops that poll them (`AgentsHandler`, 7.14.3). */
export class AgentsApi {
  private readonly entries = new Map<string, AgentEntry>();
  private readonly loops = new Map<string, AttestationLoop>();

  constructor(private readonly options: AgentsApiOptions) {}

  routes(): Route[] {
    const one = "/agents/:agent_id";
    const admin = { access: "admin" } as const;
    return [
      { ...admin, method: "GET", pattern: "/agents", action: "list_agents", handle: (request) => this.list(request) },
      {
        access: "agent-or-admin",
        method: "GET",
        pattern: one,
        action: "read_agent",
        handle: withValidId((id) => this.show(id)),
      },
      {
        ...admin,
        method: "DELETE",
        pattern: one,
        action: "delete_agent",
        handle: withValidId((id) => this.delete(id)),
      },
      {
        ...admin,
        method: "POST",
        pattern: one,
        action: "create_agent",
        handle: withValidId((id, request) => this.create(id, request)),
      },
      {
        ...admin,
        method: "PUT",
        pattern: `${one}/reactivate`,
        action: "reactivate_agent",
        handle: withValidId((id) => this.reactivate(id)),
      },
      {
        ...admin,
        method: "PUT",
        pattern: `${one}/stop`,
        action: "stop_agent",
        handle: withValidId((id) => this.stop(id)),
      },
    ];
  }

  identityRoutes(): Route[] {
    const handle = (request: PeerRequest) => this.verifyIdentity(request);
    return [{ method: "GET", pattern: "/verify/identity", access: "public", action: "verify_identity", handle }];
  }

  /** Copies, in the order of enrolment. */
  agents(): AgentEntry[] {
    return [...this.entries.values()].map((entry) => ({ ...entry }));
  }

  agent(agentId: string): AgentEntry | undefined {
    const entry = this.entries.get(agentId);
    return entry && { ...entry };
  }

  /** Plants facts in an entry, for scenes that no live agent can play. Throws for an unknown agent. */
  change(agentId: string, changes: Partial<AgentEntry>): void {
    const entry = this.entries.get(agentId);
    if (entry === undefined) throw new Error(`agent ${agentId} is not enrolled`);
    Object.assign(entry, changes);
  }

  /** Whether an agent uses the policy of this name; the first one found. */
  userOf(kind: "runtimePolicyName" | "mbPolicyName", name: string): string | undefined {
    return [...this.entries.values()].find((entry) => entry[kind] === name)?.agentId;
  }

  /** As a new start of the verifier over the same database: polled agents start over, failed ones stay. */
  restart(): void {
    this.cancelAll();
    for (const entry of this.entries.values()) {
      if (isPushAgent(entry)) continue;
      if (restartedStates.includes(entry.operationalState)) entry.operationalState = states.start;
      if (entry.operationalState === states.start) this.startLoop(entry);
    }
  }

  cancelAll(): void {
    for (const loop of this.loops.values()) loop.cancel();
    this.loops.clear();
  }

  private list({ query }: PeerRequest): Answer {
    const verifierId = query.get("verifier");
    const wanted = [...this.entries.values()].filter((entry) => !verifierId || entry.verifierId === verifierId);
    if (!query.get("bulk")) return success({ uuids: wanted.map(({ agentId }) => [agentId]) });
    return success(Object.fromEntries(wanted.map((entry) => [entry.agentId, this.status(entry)])));
  }

  private show(agentId: string): Answer {
    const entry = this.entries.get(agentId);
    return entry === undefined ? envelope(404, "agent id not found") : success(this.status(entry));
  }

  private status(entry: AgentEntry): Record<string, unknown> {
    const { policies, settings, enrolment } = this.options;
    return statusOf(entry, {
      version: enrolment.version,
      quoteIntervalMs: settings.quoteIntervalMs,
      hasRuntimePolicy: isPresentPolicy(policies.runtime.get(entry.runtimePolicyName)),
      hasMbPolicy: (policies.measuredBoot.get(entry.mbPolicyName) ?? null) !== null,
    });
  }

  private create(agentId: string, { body }: PeerRequest): Answer {
    const { enrolment, policies } = this.options;
    const context = { ...enrolment, policies, exists: (id: string) => this.entries.has(id) };
    const result = enrol(agentId, body.toString("utf8"), context);
    if ("refusal" in result) return result.refusal;
    this.entries.set(agentId, result.agent);
    if (enrolment.mode === "pull") this.startLoop(result.agent);
    return success();
  }

  private reactivate(agentId: string): Answer {
    const entry = this.entries.get(agentId);
    if (entry === undefined) return noRow();
    if (isPushAgent(entry)) {
      entry.acceptAttestations = true;
    } else if (entry.operationalState !== states.tenantFailed && entry.operationalState !== states.terminated) {
      // Upstream starts a second loop beside a living one; here the new one takes its place.
      entry.operationalState = states.start;
      this.startLoop(entry);
    }
    return success();
  }

  private stop(agentId: string): Answer {
    const entry = this.entries.get(agentId);
    if (entry === undefined) return noRow();
    entry.operationalState = states.tenantFailed;
    this.loops.get(agentId)?.cancel();
    return success();
  }

  private delete(agentId: string): Answer {
    const entry = this.entries.get(agentId);
    if (entry === undefined) return envelope(404, "agent id not found");
    const { operationalState: state } = entry;
    const isAtRest = this.options.enrolment.mode === "push" || restingStates.includes(state);
    if (isAtRest || (state !== states.terminated && this.loops.get(agentId)?.idle === true)) {
      this.remove(agentId);
      return success();
    }
    entry.operationalState = states.terminated;
    return envelope(202);
  }

  private remove(agentId: string): void {
    this.loops.get(agentId)?.cancel();
    this.loops.delete(agentId);
    this.entries.delete(agentId);
    this.options.policies.runtime.delete(agentId);
    this.options.policies.measuredBoot.delete(agentId);
  }

  private startLoop(entry: AgentEntry): void {
    const { settings, caller, clock, logger, policies } = this.options;
    this.loops.get(entry.agentId)?.cancel();
    const loop = new AttestationLoop(entry, {
      settings,
      caller,
      clock,
      logger,
      mbPolicy: () => policies.measuredBoot.get(entry.mbPolicyName) ?? null,
      onTerminated: () => this.remove(entry.agentId),
    });
    this.loops.set(entry.agentId, loop);
    loop.start();
  }

  private verifyIdentity({ query }: PeerRequest): Answer {
    const names = ["agent_uuid", "quote", "nonce", "hash_alg"] as const;
    const missing = names.find((name) => !query.get(name));
    if (missing !== undefined) return envelope(400, `missing query parameter '${missing}'`);
    const [agentId, quote, nonce, hashAlg] = names.map((name) => query.get(name)!) as [string, string, string, string];
    const entry = this.entries.get(agentId);
    if (entry === undefined) return envelope(404, "agent id not found");
    const failure = judgeIdentityQuote({ quote, nonce, hashAlg, akTpm: entry.akTpm });
    return success(failure === undefined ? { valid: 1 } : { valid: 0, reason: failure.context });
  }
}

function withValidId(handle: (agentId: string, request: PeerRequest) => Answer): Route["handle"] {
  return (request) => {
    const id = request.params.agent_id!;
    return /^[\w.-]+$/.test(id) ? handle(id, request) : envelope(400, "agent_id not not valid");
  };
}

function noRow(): Answer {
  return envelope(400, "Exception error: No row was found when one was required");
}
