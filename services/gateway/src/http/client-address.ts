import { BlockList, isIP } from "node:net";

/*
 * Who the client is behind proxies (ASVS 15.3.4). X-Forwarded-For is a list that each proxy appends to; a client can write
 * anything into its left part. So it is read from the right, and only as long as the one who wrote the entry is trusted.
 */

/** Tells the client's address from the connection's other end and the X-Forwarded-For header. */
export type ClientAddress = (peerAddress: string, forwardedFor: string | null) => string;

/** `trusted` are addresses or ranges ("10.0.0.0/8"); throws, naming the entry, for anything else. */
export function createClientAddress(trusted: readonly string[]): ClientAddress {
  const proxies = new BlockList();
  for (const entry of trusted) {
    const [address = "", bits, extra] = entry.split("/");
    const family = isIP(address);
    const most = family === 4 ? 32 : 128;
    const length = bits === undefined ? most : Number(bits);
    if (
      family === 0 ||
      extra !== undefined ||
      bits === "" ||
      !Number.isInteger(length) ||
      length < 0 ||
      length > most
    ) {
      throw new Error(`"${entry}" is neither an IP address nor a range such as 10.0.0.0/8`);
    }
    proxies.addSubnet(address, length, family === 4 ? "ipv4" : "ipv6");
  }
  if (trusted.length === 0) {
    return (peerAddress) => plain(peerAddress);
  }
  const isTrusted = (address: string) =>
    isIP(address) !== 0 && proxies.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
  return (peerAddress, forwardedFor) => {
    let client = plain(peerAddress);
    const hops = (forwardedFor ?? "").split(",").map((hop) => plain(hop.trim()));
    for (let at = hops.length - 1; at >= 0 && isTrusted(client); at -= 1) {
      const hop = hops[at] ?? "";
      if (isIP(hop) === 0) {
        break;
      }
      client = hop;
    }
    return client;
  };
}

/** An IPv4 address that came over an IPv6 socket, as IPv4. */
function plain(address: string): string {
  if (!address.includes(":")) {
    return address;
  }
  const mapped = /^(?:::ffff:|0000:0000:0000:0000:0000:ffff:)(.+)$/i.exec(address)?.[1];
  if (mapped === undefined) {
    return address;
  }
  const groups = /^([0-9a-f]{4}):([0-9a-f]{4})$/i.exec(mapped);
  if (groups === null) {
    return mapped;
  }
  const bytes = Buffer.from(`${groups[1]}${groups[2]}`, "hex");
  return [...bytes].join(".");
}
