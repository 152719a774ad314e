import { networkInterfaces } from "node:os";
import type { EndpointFacts } from "../endpoints/endpoint-facts.js";

/** Every one of an endpoint's addresses is this machine's. */
export function isHere({ addresses }: Pick<EndpointFacts, "addresses">): boolean {
  const own = new Set(Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []));
  const isOwn = (address: string): boolean => own.has(address) || address.startsWith("127.") || address === "::1";
  return addresses.known && addresses.value.length > 0 && addresses.value.every(isOwn);
}
