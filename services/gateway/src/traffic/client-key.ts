import { isIPv6 } from "node:net";
import type { Principal } from "@weft/auth/verifier";

/**
 * Whose budget a call draws from: its user's, else its address's. An IPv6 address counts by its first 64 bits, since a
 * customer is given at least so many and could otherwise have a fresh budget for every call (RFC 6177).
 */
export function clientKey(principal: Pick<Principal, "userId"> | undefined, address: string): string {
  return principal === undefined ? `ip:${network(address)}` : `user:${principal.userId}`;
}

function network(address: string): string {
  if (!isIPv6(address)) {
    return address;
  }
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::");
  const before = head === "" ? [] : head.split(":");
  const behind = tail === undefined || tail === "" ? 0 : tail.split(":").length;
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - behind);
  const groups = [...before, ...Array<string>(zeros).fill("0"), ...(tail === undefined ? [] : tail.split(":"))];
  return `${groups
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}
