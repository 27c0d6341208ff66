import { describe, expect, it } from "vitest";
import { createCorsPolicy } from "./cors.ts";

const cors = createCorsPolicy(["https://console.example.com"]);

describe("createCorsPolicy", () => {
  it("answers a listed origin by its own name, with credentials", () => {
    const headers = new Map(cors.headersFor("https://console.example.com"));
    expect(headers.get("access-control-allow-origin")).toBe("https://console.example.com");
    expect(headers.get("access-control-allow-credentials")).toBe("true");
    expect(headers.get("vary")).toBe("Origin");
  });

  it.each([
    null,
    "null",
    "*",
    "https://console.example.com.evil.test",
    "http://console.example.com",
    "https://CONSOLE.example.com",
  ])("gives nothing to %j", (origin) => {
    expect(cors.headersFor(origin)).toEqual([["vary", "Origin"]]);
    expect(cors.preflightHeadersFor(origin)).toEqual([["vary", "Origin"]]);
  });

  it("tells a listed origin's preflight what it may send", () => {
    const headers = new Map(cors.preflightHeadersFor("https://console.example.com"));
    expect(headers.get("access-control-allow-methods")).toContain("PATCH");
    expect(headers.get("access-control-allow-headers")).toContain("authorization");
    expect(headers.get("access-control-max-age")).toBe("3600");
  });
});
