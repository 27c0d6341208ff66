import { describe, expect, it } from "vitest";
import { limitSettings, loadConfig } from "./config.ts";

const development = { development: true };

describe("loadConfig", () => {
  it("takes the defaults from the table, and the development origins only in development", () => {
    const config = loadConfig({}, development);
    expect(config.corsOrigins).toEqual(["http://localhost:8080", "http://127.0.0.1:8080"]);
    expect(loadConfig({}, { development: false }).corsOrigins).toEqual([]);
    for (const [name, { fallback }] of Object.entries(limitSettings)) {
      expect(config.limits[name as keyof typeof limitSettings]).toBe(fallback);
    }
  });

  it.each(Object.entries(limitSettings))("keeps a given %s and refuses one out of range", (name, setting) => {
    const unit = setting.kind === "duration" ? "ms" : "";
    const between = name === "maxTimeoutMs" || name === "backpressureHardBytes" ? setting.most : setting.least;
    const config = loadConfig({ [setting.variable]: `${between}${unit}` }, development);
    expect(config.limits[name as keyof typeof limitSettings]).toBe(between);
    for (const bad of [`${setting.most + 1}${unit}`, "-1", "x"]) {
      expect(() => loadConfig({ [setting.variable]: bad }, development)).toThrow(setting.variable);
    }
  });

  it.each([
    [{ WEFT_CORS_ORIGINS: "*" }, 'contains "*"'],
    [{ WEFT_CORS_ORIGINS: "https://a.example/path" }, "WEFT_CORS_ORIGINS"],
    [{ WEFT_CORS_ORIGINS: "a.example" }, "WEFT_CORS_ORIGINS"],
    [{ WEFT_TRUSTED_PROXIES: "10.0.0.0/99" }, "WEFT_TRUSTED_PROXIES"],
    [{ WEFT_TLS_IN_FRONT: "yes" }, "WEFT_TLS_IN_FRONT"],
    [{ WEFT_DEFAULT_TIMEOUT: "10" }, "WEFT_DEFAULT_TIMEOUT"],
    [{ WEFT_DEFAULT_TIMEOUT: "90s" }, "WEFT_DEFAULT_TIMEOUT must not be above WEFT_MAX_TIMEOUT"],
    [{ WEFT_WS_BACKPRESSURE_SOFT_BYTES: "8000000" }, "must not be above WEFT_WS_BACKPRESSURE_HARD_BYTES"],
  ])("refuses %j", (env, message) => {
    expect(() => loadConfig(env, development)).toThrow(message);
  });

  it("reads lists and flags", () => {
    const env = {
      WEFT_CORS_ORIGINS: "https://a.example, http://localhost:3000",
      WEFT_TRUSTED_PROXIES: "10.0.0.0/8",
      WEFT_TLS_IN_FRONT: "true",
    };
    expect(loadConfig(env, development)).toMatchObject({
      corsOrigins: ["https://a.example", "http://localhost:3000"],
      trustedProxies: ["10.0.0.0/8"],
      tlsInFront: true,
    });
  });

  it("needs both files of a certificate, or none", () => {
    const files = { WEFT_PUBLIC_TLS_CERT: "/tls/cert.pem", WEFT_PUBLIC_TLS_KEY: "/tls/key.pem" };
    expect(loadConfig(files, { development: false }).tls).toEqual({
      certFile: "/tls/cert.pem",
      keyFile: "/tls/key.pem",
    });
    expect(loadConfig({}, { development: false }).tls).toBeUndefined();
    const half = { WEFT_PUBLIC_TLS_CERT: "/tls/cert.pem" };
    expect(() => loadConfig(half, { development: false })).toThrow("WEFT_PUBLIC_TLS_KEY");
  });

  it("takes rate limits as rules, and says what is wrong with one", () => {
    const rateLimits = [{ pattern: "*", limit: { ratePerSecond: 50, burst: 100 } }];
    expect(loadConfig({ WEFT_RATE_LIMITS: "*=50/100" }, { development: false }).rateLimits).toEqual(rateLimits);
    expect(() => loadConfig({ WEFT_RATE_LIMITS: "50" }, { development: false })).toThrow("WEFT_RATE_LIMITS");
  });
});
