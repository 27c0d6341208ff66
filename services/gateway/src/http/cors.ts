/*
 * Cross-origin access (GW-11): only origins that the configuration lists, each answered by its own name and never by "*",
 * since tokens are sent along. An origin that is not listed gets no header, and the browser keeps the answer from it.
 */

export interface CorsPolicy {
  /** Whether a page of this origin may call the gateway and open WebSockets. */
  allows(origin: string): boolean;
  /** The headers of an answer to a request with this Origin header (null for none). */
  headersFor(origin: string | null): readonly (readonly [name: string, value: string])[];
  /** The headers of the answer to a preflight request. */
  preflightHeadersFor(origin: string | null): readonly (readonly [name: string, value: string])[];
}

/** The methods that any route of the gateway can have. */
export const allowedMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

const requestHeaders = [
  "authorization",
  "content-type",
  "connect-protocol-version",
  "connect-timeout-ms",
  "x-grpc-web",
  "x-user-agent",
  "grpc-timeout",
  "x-request-timeout",
  "x-correlation-id",
  "if-none-match",
  "last-event-id",
  "traceparent",
  "tracestate",
];
const exposedHeaders = [
  "x-correlation-id",
  "retry-after",
  "etag",
  "www-authenticate",
  "ratelimit",
  "ratelimit-policy",
  "ratelimit-limit",
  "ratelimit-remaining",
  "ratelimit-reset",
  "grpc-status",
  "grpc-message",
  "grpc-status-details-bin",
];
/** An hour: short enough for a changed list to be seen the same day, long enough to spare most preflights. */
const preflightMaxAgeSeconds = 3600;

/** `origins` are as browsers send them: scheme, host, and port unless it is the scheme's own. */
export function createCorsPolicy(origins: readonly string[]): CorsPolicy {
  const listed = new Set(origins);
  // Caches must not give one origin's answer to another, also when this one was refused.
  const vary = [["vary", "Origin"]] as const;
  const allows = (origin: string) => listed.has(origin);
  const headersFor: CorsPolicy["headersFor"] = (origin) => {
    if (origin === null || !allows(origin)) {
      return vary;
    }
    return [
      ...vary,
      ["access-control-allow-origin", origin],
      ["access-control-allow-credentials", "true"],
      ["access-control-expose-headers", exposedHeaders.join(", ")],
    ];
  };
  return {
    allows,
    headersFor,
    preflightHeadersFor: (origin) =>
      origin === null || !allows(origin)
        ? headersFor(origin)
        : [
            ...headersFor(origin),
            ["access-control-allow-methods", allowedMethods.join(", ")],
            ["access-control-allow-headers", requestHeaders.join(", ")],
            ["access-control-max-age", String(preflightMaxAgeSeconds)],
          ],
  };
}
