/**
 * Who is at the other end, from the headers of a call. The gateway writes both itself and drops what its client sends
 * under these names, so they can be believed from there; a program inside the mesh could claim anything, but such a
 * program has the network to itself anyway (the ports of this service are no public ones).
 */
import { isIP } from "node:net";
import type { ClientFacts } from "./domain/ports.ts";

export const addressHeader = "x-forwarded-for";
export const userAgentHeader = "x-forwarded-user-agent";
const userAgentMax = 256;

/** The client's address, its network and its program; empty where nothing credible is said. */
export function clientFacts(headers: Headers): ClientFacts {
  const forwarded = headers.get(addressHeader)?.trim() ?? "";
  const address = isIP(forwarded) === 0 ? "" : forwarded.toLowerCase();
  // Behind the gateway the plain header names the gateway's own client.
  const userAgent = headers.get(userAgentHeader) ?? (forwarded === "" ? headers.get("user-agent") : null) ?? "";
  return { address, network: networkOf(address), userAgent: printable(userAgent).slice(0, userAgentMax) };
}

/** IPv4 as it is; of IPv6 the first 64 bits ("2001:db8:0:1::/64"), which is the least that a subscriber is given. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) {
    return address;
  }
  const [head = "", tail = ""] = (address.split("%")[0] ?? "").split("::");
  const before = head === "" ? [] : head.split(":");
  // A dotted end stands for two groups.
  const after = tail === "" ? [] : tail.split(":").flatMap((group) => (group.includes(".") ? ["0", "0"] : [group]));
  const missing = address.includes("::") ? Math.max(0, 8 - before.length - after.length) : 0;
  const groups = [...before, ...Array<string>(missing).fill("0"), ...after];
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(":")}::/64`;
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "");
}
