import type { ConnectionStory } from "./connection-story.js";

const portNames: Record<number, string> = { 8881: "verifier", 8890: "registrar", 8891: "registrar", 9002: "agent" };

/**
 * What the other side is called. A peer that answers /version as Keylime's services do and stands on no other service's
 * port is taken for a verifier: verifier and registrar answer alike.
 */
export function peerName(stories: readonly ConnectionStory[], port: number): string {
  const byPort = portNames[port];
  if (byPort !== undefined) return byPort;
  const isKeylime = stories.some(({ http }) => http !== undefined && isKeylimeVersion(http.body));
  return isKeylime ? "verifier" : "server";
}

function isKeylimeVersion(body: string): boolean {
  try {
    return Array.isArray(JSON.parse(body)?.results?.supported_versions);
  } catch {
    return false;
  }
}
