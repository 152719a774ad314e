import { hostname, networkInterfaces } from "node:os";
import type { EndpointFacts } from "../endpoints/endpoint-facts.js";

/** Every one of an endpoint's addresses is this machine's. */
export function isHere({ addresses }: Pick<EndpointFacts, "addresses">): boolean {
  return addresses.known && addresses.value.length > 0 && addresses.value.every(isOwnHost);
}

/** An address or name that is evidently this machine's; names are not looked up. */
export function isOwnHost(host: string): boolean {
  const interfaces = Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []);
  const own = ["localhost", "::1", hostname(), ...interfaces];
  return own.includes(host) || /^127\.\d+\.\d+\.\d+$/.test(host);
}
