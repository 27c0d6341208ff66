import { describe, expect, it } from "vitest";
import { clientKey } from "./client-key.ts";

describe("clientKey", () => {
  it("is the user's, from wherever they call", () => {
    expect(clientKey({ userId: "u" }, "1.2.3.4")).toBe("user:u");
  });

  it.each([
    ["1.2.3.4", "ip:1.2.3.4"],
    ["2001:db8:1:2:3:4:5:6", "ip:2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002:ffff::1", "ip:2001:db8:1:2::/64"],
    ["2001:db8::1", "ip:2001:db8:0:0::/64"],
    ["2001:db8::1:2:3:4:5", "ip:2001:db8:0:1::/64"],
    ["::1", "ip:0:0:0:0::/64"],
    ["fe80::1%eth0", "ip:fe80:0:0:0::/64"],
    ["0000:0000:0000:0000:0000:0000:0000:0001", "ip:0:0:0:0::/64"],
    ["unknown", "ip:unknown"],
  ])("of %s is %s", (address, key) => {
    expect(clientKey(undefined, address)).toBe(key);
  });
});
