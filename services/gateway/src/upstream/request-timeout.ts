import { Code } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/**
 * How long the client is ready to wait, in milliseconds: Connect-Timeout-Ms (a number), else X-Request-Timeout (a number
 * with its unit: "500ms", "2s", "1m"); undefined when it does not say. Throws INVALID_ARGUMENT for anything else.
 */
export function requestedTimeoutMs(headers: Headers): number | undefined {
  const connectTimeout = headers.get("connect-timeout-ms");
  if (connectTimeout !== null) {
    if (!/^\d{1,10}$/.test(connectTimeout)) {
      throw refused("connect-timeout-ms", "must be a number of milliseconds of at most 10 digits");
    }
    return Number(connectTimeout);
  }
  const timeout = headers.get("x-request-timeout");
  if (timeout === null) {
    return undefined;
  }
  const match = /^(\d{1,9})(ms|s|m)$/.exec(timeout.trim());
  if (match === null) {
    throw refused("x-request-timeout", "must be a number with its unit ms, s or m, such as 500ms");
  }
  return Number(match[1]) * (unitsMs[match[2] ?? ""] ?? 1);
}

function refused(field: string, description: string) {
  return serviceError(Code.InvalidArgument, "HEADER_INVALID", `${field} ${description}`, {
    violations: [{ field, description }],
  });
}
