import { randomInt } from "node:crypto";
import type { Logger } from "../../core/logger.js";
import { errorText } from "../../core/problem.js";
import { keyName } from "../../formats/tpm/public-area.js";
import { type Answer, emptyAnswer, envelope, success } from "../http/answer.js";
import { type VersionSet, versionResults } from "../http/api-versions.js";
import { type PeerRequest, type Route, versioned } from "../http/route.js";
import { authTag, makeCredential } from "../tpm/make-credential.js";
import { judgeRegistration, type RegisteredAgent } from "./registration.js";

/** Registration is open to everybody, so the memory it may take is not. */
const maxAgents = 10_000;
const challengeLength = 32;
const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** The registrar's routes and records (`keylime/web/registrar_server.py`, `agents_controller.py`, 7.14.3). */
export class RegistrarApi {
  private readonly records = new Map<string, RegisteredAgent>();

  constructor(private readonly logger: Logger) {}

  agents(): RegisteredAgent[] {
    return [...this.records.values()].map((agent) => ({ ...agent }));
  }

  routes(versions: VersionSet): Route[] {
    const one = "/agents/:agent_id";
    const open = { access: "public", insecure: true } as const;
    const register: Omit<Route, "pattern"> = {
      ...open,
      method: "POST",
      action: "register_agent",
      handle: (request) => this.register(request),
    };
    const activate: Omit<Route, "pattern" | "method"> = {
      ...open,
      action: "activate_agent",
      handle: (request) => this.activate(request),
    };
    const admin = { access: "admin" } as const;
    const unversioned: Route[] = [
      {
        ...open,
        method: "GET",
        pattern: "/version",
        action: "read_version",
        handle: () => success(versionResults(versions)),
      },
    ];
    const agents: Route[] = [
      { ...admin, method: "GET", pattern: "/agents", action: "list_registrations", handle: () => this.list() },
      { ...admin, method: "GET", pattern: one, action: "read_registration", handle: (request) => this.show(request) },
      {
        ...admin,
        method: "DELETE",
        pattern: one,
        action: "delete_registration",
        handle: (request) => this.delete(request),
      },
      { ...register, pattern: "/agents" },
      { ...register, pattern: one },
      { ...activate, method: "POST", pattern: `${one}/activate` },
      { ...activate, method: "PUT", pattern: `${one}/activate` },
      { ...activate, method: "PUT", pattern: one },
    ];
    return [...unversioned, ...versioned(versions.served, agents), ...brokenVersion3(versions, agents)];
  }

  private list(): Answer {
    return success({ uuids: [...this.records.keys()] });
  }

  private show({ params }: PeerRequest): Answer {
    const id = params.agent_id!;
    const agent = this.records.get(id);
    if (agent === undefined) return envelope(404, `Agent with ID '${id}' not found`);
    if (!agent.active) return envelope(404, `Agent with ID '${id}' has not been activated`);
    return success(rendered(agent));
  }

  private register({ params, json }: PeerRequest): Answer {
    const id = params.agent_id ?? json.agent_id;
    // Without an id Keylime's action cannot be called at all.
    if (id === undefined) return emptyAnswer(400);
    if (typeof id !== "string") return this.invalid(["agent_id is of an incorrect type"]);
    const previous = this.records.get(id);
    const judged = judgeRegistration(previous, id, json);
    if (judged.outcome === "other-tpm") {
      this.logger.log("warn", "Registration names another TPM", { agent: id, changed: judged.changed.join(", ") });
      return envelope(403, "Agent re-registration with different TPM identity is forbidden for security reasons");
    }
    if (judged.outcome === "invalid") return this.invalid(judged.errors);
    if (previous === undefined && this.records.size >= maxAgents) return emptyAnswer(503);
    return this.challenge(judged.agent);
  }

  /** Stores the agent with a challenge that only its TPM can read. */
  private challenge(agent: RegisteredAgent): Answer {
    const secret = Buffer.from(randomText(challengeLength));
    try {
      const blob = makeCredential({ ekPublic: agent.ekTpm!, akName: keyName(agent.akTpm!), secret });
      this.records.set(agent.agentId, { ...agent, challengeBase64: secret.toString("base64") });
      return success({ blob: blob.toString("base64") });
    } catch (error) {
      return this.invalid([errorText(error)]);
    }
  }

  private invalid(errors: string[]): Answer {
    this.logger.log("warn", "Registration is not valid", { errors: errors.join("; ") });
    return envelope(400, "Could not register agent with invalid data");
  }

  private activate({ params, json, query }: PeerRequest): Answer {
    const id = params.agent_id!;
    const tag = json.auth_tag ?? query.get("auth_tag") ?? undefined;
    if (tag === undefined) return emptyAnswer(400);
    const agent = this.records.get(id);
    if (agent === undefined) return envelope(404, `Agent with ID '${id}' not found`);
    if (typeof tag !== "string") return emptyAnswer(500);
    if (tag === authTag(id, agent.challengeBase64)) {
      this.records.set(id, { ...agent, active: true });
      return success();
    }
    this.records.delete(id);
    return envelope(
      400,
      `Auth tag '${tag}' for agent '${id}' does not match expected value. The agent has been deleted from the database ` +
        "and will need to be restarted to reattempt registration",
    );
  }

  private delete({ params }: PeerRequest): Answer {
    const id = params.agent_id!;
    return this.records.delete(id) ? success() : envelope(404, `Agent with ID '${id}' not found`);
  }
}

/** 7.14.3 knows the routes of 3.0 and fails at each of them, once the caller may use it. */
function brokenVersion3({ all }: VersionSet, agents: readonly Route[]): Route[] {
  if (!all.includes("3.0")) return [];
  const root: Route = {
    method: "GET",
    pattern: "/",
    access: "public",
    insecure: true,
    action: "read_version",
    handle: () => emptyAnswer(500),
  };
  const failing = agents
    .filter(({ method, pattern }) => method !== "PUT" && !(method === "POST" && pattern === "/agents/:agent_id"))
    .map((route) => ({ ...route, handle: () => emptyAnswer(500) }));
  return versioned(["3", "3.0"], [root, ...failing]);
}

function rendered(agent: RegisteredAgent): Record<string, unknown> {
  return {
    agent_id: agent.agentId,
    ek_tpm: agent.ekTpm?.toString("base64") ?? null,
    ekcert: agent.ekCert?.toString("base64") ?? null,
    aik_tpm: agent.akTpm?.toString("base64") ?? null,
    mtls_cert: agent.mtlsCert,
    ip: agent.ip,
    port: agent.port,
    regcount: agent.regcount,
  };
}

function randomText(length: number): string {
  return Array.from({ length }, () => alphanumeric[randomInt(alphanumeric.length)]).join("");
}
