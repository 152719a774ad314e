import type { ServiceDefinitionLike } from "./handlers.js";

/** The full name of a service (`spire.plugin.server.nodeattestor.v1.NodeAttestor`), from the path of its first method. */
export function serviceNameOf(definition: ServiceDefinitionLike): string {
  const [first] = Object.values(definition);
  return first?.path.split("/")[1] ?? "";
}
