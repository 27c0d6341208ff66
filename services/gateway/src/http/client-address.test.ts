import { describe, expect, it } from "vitest";
import { createClientAddress } from "./client-address.ts";

describe("createClientAddress", () => {
  it.each([
    ["nobody is trusted", [], "10.0.0.1", "1.2.3.4", "10.0.0.1"],
    ["the peer is no proxy", ["10.0.0.0/8"], "192.0.2.1", "1.2.3.4", "192.0.2.1"],
    ["a proxy names the client", ["10.0.0.0/8"], "10.0.0.1", "1.2.3.4", "1.2.3.4"],
    ["the client made entries up", ["10.0.0.0/8"], "10.0.0.1", "9.9.9.9, 1.2.3.4", "1.2.3.4"],
    ["there are two proxies", ["10.0.0.0/8"], "10.0.0.1", "9.9.9.9, 1.2.3.4, 10.0.0.2", "1.2.3.4"],
    ["the client claims to be a proxy", ["10.0.0.0/8"], "10.0.0.1", "10.9.9.9, 1.2.3.4", "1.2.3.4"],
    ["an entry is no address", ["10.0.0.0/8"], "10.0.0.1", "1.2.3.4, unknown", "10.0.0.1"],
    ["there is no header", ["10.0.0.1"], "10.0.0.1", null, "10.0.0.1"],
    ["the peer is IPv4 over IPv6", ["10.0.0.1"], "::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4"],
    ["the peer is IPv4 in full IPv6", [], "0000:0000:0000:0000:0000:ffff:7f00:0001", null, "127.0.0.1"],
    ["the proxy speaks IPv6", ["fd00::/8"], "fd00::1", "2001:db8::1", "2001:db8::1"],
  ])("ASVS 15.3.4: is found when %s", (_, trusted, peer, forwarded, client) => {
    expect(createClientAddress(trusted)(peer, forwarded)).toBe(client);
  });

  it.each(["10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "proxy", ""])("refuses %j as a proxy", (entry) => {
    expect(() => createClientAddress([entry])).toThrow(/neither an IP address nor a range/);
  });
});
