import { parseDurationMs } from "@weft/mesh";
import { createClientAddress } from "./http/client-address.ts";
import type { TlsFiles } from "./http/http-server.ts";
import { parseRateLimitRules, type RateLimitRule } from "./traffic/rate-limit-rules.ts";

/*
 * The gateway's settings, checked once at start. Every limit stands in one table with its variable, its default, its
 * range, and where the default comes from. Durations carry their unit ("10s"), sizes are bytes.
 */

export type Environment = Readonly<Record<string, string | undefined>>;

interface LimitSetting {
  readonly variable: string;
  readonly kind: "count" | "duration";
  readonly fallback: number;
  readonly least: number;
  readonly most: number;
}

const count = (variable: string, fallback: number, least: number, most: number): LimitSetting => ({
  variable,
  kind: "count",
  fallback,
  least,
  most,
});
const duration = (variable: string, fallback: number, least: number, most: number): LimitSetting => ({
  variable,
  kind: "duration",
  fallback,
  least,
  most,
});

const second = 1000;
const mebibyte = 1024 * 1024;

/** Exported for the test that walks it. */
export const limitSettings = {
  // An imported architecture of 1 MiB, JSON-escaped.
  bodyMaxBytes: count("WEFT_BODY_MAX_BYTES", 1.5 * mebibyte, 1024, 64 * mebibyte),
  bodyTimeoutMs: duration("WEFT_BODY_TIMEOUT", 15 * second, 100, 600 * second),
  // A phone in a tunnel is given this long; whoever takes nothing for longer holds memory and nothing else.
  sendTimeoutMs: duration("WEFT_SEND_TIMEOUT", 30 * second, 100, 600 * second),
  // The mesh's own default for a call.
  defaultTimeoutMs: duration("WEFT_DEFAULT_TIMEOUT", 10 * second, 10, 600 * second),
  maxTimeoutMs: duration("WEFT_MAX_TIMEOUT", 60 * second, 10, 3600 * second),
  // A hundred times what Redis needs, and nothing that anybody notices once.
  rateLimitTimeoutMs: duration("WEFT_RATE_LIMIT_TIMEOUT", 250, 10, 10 * second),
  // A second of what the fastest backend answers on one core.
  backendInFlight: count("WEFT_BACKEND_IN_FLIGHT", 5000, 1, 1_000_000),
  cacheMaxBytes: count("WEFT_CACHE_MAX_BYTES", 16 * mebibyte, 0, 1024 * mebibyte),
  connectTimeoutMs: duration("WEFT_WS_CONNECT_TIMEOUT", 10 * second, 10, 600 * second),
  // uWebSockets pings in time for an answer within this.
  idleTimeoutMs: duration("WEFT_WS_IDLE_TIMEOUT", 60 * second, 8 * second, 960 * second),
  expiryNoticeMs: duration("WEFT_WS_EXPIRY_NOTICE", 60 * second, 0, 3600 * second),
  recheckIntervalMs: duration("WEFT_WS_RECHECK_INTERVAL", 60 * second, 10, 3600 * second),
  // How long a loss that nobody noticed may last: the default of Centrifugo (40 s), a little sooner.
  positionCheckIntervalMs: duration("WEFT_WS_POSITION_CHECK_INTERVAL", 25 * second, 10, 3600 * second),
  channelsPerConnection: count("WEFT_WS_CHANNELS_PER_CONNECTION", 128, 1, 10_000),
  frameMaxBytes: count("WEFT_WS_FRAME_MAX_BYTES", 64 * 1024, 256, 16 * mebibyte),
  framesPerSecond: count("WEFT_WS_FRAMES_PER_SECOND", 50, 1, 100_000),
  // What one process can send to within a tenth of a second.
  subscribersPerChannel: count("WEFT_WS_SUBSCRIBERS_PER_CHANNEL", 100_000, 1, 1_000_000),
  // A hand that moves, as often as a screen with half of today's usual rate shows it; and ten such hands.
  publishesPerUserPerSecond: count("WEFT_WS_PUBLISHES_PER_USER", 30, 1, 100_000),
  publishesPerChannelPerSecond: count("WEFT_WS_PUBLISHES_PER_CHANNEL", 300, 1, 1_000_000),
  connectionsPerUser: count("WEFT_WS_CONNECTIONS_PER_USER", 20, 1, 100_000),
  connections: count("WEFT_WS_CONNECTIONS", 10_000, 1, 1_000_000),
  // A minute of frames of a mid-sized simulation thinned to 10 a second; Centrifugo's default too.
  backpressureSoftBytes: count("WEFT_WS_BACKPRESSURE_SOFT_BYTES", mebibyte, 1024, 1024 * mebibyte),
  backpressureHardBytes: count("WEFT_WS_BACKPRESSURE_HARD_BYTES", 4 * mebibyte, 1024, 1024 * mebibyte),
} as const satisfies Record<string, LimitSetting>;

export type GatewayLimits = Readonly<Record<keyof typeof limitSettings, number>>;

export interface GatewayConfig {
  /** Origins of pages that may use the gateway, as browsers send them. */
  readonly corsOrigins: readonly string[];
  /** Addresses and ranges of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** TLS ends in front of the gateway: answers tell browsers to insist on it. */
  readonly tlsInFront: boolean;
  /** Certificate and key of the public port, which then speaks HTTPS; undefined for HTTP. */
  readonly tls: TlsFiles | undefined;
  /** Several gateways listen on one public port, each getting some of the connections. */
  readonly sharePort: boolean;
  readonly limits: GatewayLimits;
  /** Where the operator wants other rate limits than the contracts say. */
  readonly rateLimits: readonly RateLimitRule[];
}

const developmentOrigins = ["http://localhost:8080", "http://127.0.0.1:8080"];

/** Throws an Error that names the variable and what it accepts. */
export function loadConfig(env: Environment, options: { readonly development: boolean }): GatewayConfig {
  const limits = Object.fromEntries(
    Object.entries(limitSettings).map(([name, setting]) => [name, limitFrom(env, setting)]),
  ) as unknown as GatewayLimits;
  assertOrder(limits, "defaultTimeoutMs", "maxTimeoutMs");
  assertOrder(limits, "backpressureSoftBytes", "backpressureHardBytes");
  const trustedProxies = listFrom(env, "WEFT_TRUSTED_PROXIES") ?? [];
  try {
    createClientAddress(trustedProxies);
  } catch (error) {
    throw new Error(`WEFT_TRUSTED_PROXIES: ${(error as Error).message}`);
  }
  return {
    corsOrigins: originsFrom(env) ?? (options.development ? developmentOrigins : []),
    trustedProxies,
    tlsInFront: booleanFrom(env, "WEFT_TLS_IN_FRONT"),
    tls: tlsFrom(env),
    sharePort: booleanFrom(env, "WEFT_PUBLIC_PORT_SHARED"),
    limits,
    rateLimits: parseRateLimitRules("WEFT_RATE_LIMITS", env.WEFT_RATE_LIMITS ?? ""),
  };
}

function limitFrom(env: Environment, { variable, kind, fallback, least, most }: LimitSetting): number {
  const text = env[variable]?.trim();
  if (text === undefined || text === "") {
    return fallback;
  }
  const value = kind === "duration" ? parseDurationMs(variable, text) : Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    const accepted =
      kind === "duration" ? `a time from ${least}ms to ${most}ms` : `a whole number from ${least} to ${most}`;
    throw new Error(`${variable} is "${text}"; it takes ${accepted}`);
  }
  return value;
}

function assertOrder(limits: GatewayLimits, lower: keyof GatewayLimits, upper: keyof GatewayLimits): void {
  if (limits[lower] > limits[upper]) {
    throw new Error(`${limitSettings[lower].variable} must not be above ${limitSettings[upper].variable}`);
  }
}

function listFrom(env: Environment, variable: string): string[] | undefined {
  return env[variable]
    ?.split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

function originsFrom(env: Environment): string[] | undefined {
  const origins = listFrom(env, "WEFT_CORS_ORIGINS");
  for (const origin of origins ?? []) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new Error(
        `WEFT_CORS_ORIGINS contains "${origin}"; list origins such as https://console.example.com (no path, no "*")`,
      );
    }
  }
  return origins;
}

function tlsFrom(env: Environment): TlsFiles | undefined {
  const certFile = env.WEFT_PUBLIC_TLS_CERT?.trim() ?? "";
  const keyFile = env.WEFT_PUBLIC_TLS_KEY?.trim() ?? "";
  if ((certFile === "") !== (keyFile === "")) {
    throw new Error(
      "WEFT_PUBLIC_TLS_CERT and WEFT_PUBLIC_TLS_KEY name two files that need each other; set both or none",
    );
  }
  return certFile === "" ? undefined : { certFile, keyFile };
}

function booleanFrom(env: Environment, variable: string): boolean {
  const text = env[variable]?.trim() ?? "";
  if (!["", "true", "false"].includes(text)) {
    throw new Error(`${variable} is "${text}"; it takes true or false`);
  }
  return text === "true";
}
