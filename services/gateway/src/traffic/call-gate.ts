import type { DescMethod } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import type { Principal } from "@weft/auth/verifier";
import { serviceError } from "@weft/mesh";
import type { HeaderField } from "../http/http-server.ts";
import type { Authenticate } from "../upstream/authenticate.ts";
import { clientKey } from "./client-key.ts";
import { rateLimitHeaders } from "./rate-limit-headers.ts";
import type { RateLimitPolicy } from "./rate-limit-policies.ts";
import type { RateLimiter, RateLimitVerdict } from "./rate-limiter.ts";

/*
 * What a call of any protocol passes before it is forwarded: its token, then its client's budget. The token first, since a
 * user's budget is theirs wherever they call from; what the limit says of an address is only what nobody vouches for.
 */

export interface CallGate {
  /**
   * Throws what `Authenticate` does, RESOURCE_EXHAUSTED (RATE_LIMITED) when the client's budget is spent, and UNAVAILABLE
   * (RATE_LIMIT_UNAVAILABLE) when that cannot be told and the method must not be open then. `address` is the client's, as
   * the gateway found it out; undefined where it does not know. Gives a promise only where somebody has to be asked, and may
   * throw at once.
   */
  admit(method: DescMethod, headers: Headers, address: string | undefined): Promise<void> | undefined;
  /** What the answer to a request with these very headers has to say about its budget. */
  answerHeaders(headers: Headers): readonly HeaderField[];
  /** The method that a request with these very headers was admitted to. */
  methodOf(headers: Headers): DescMethod | undefined;
}

export interface CallGateOptions {
  readonly authenticate: Authenticate;
  readonly limiter: Pick<RateLimiter, "take">;
  readonly policyOf: (method: DescMethod) => RateLimitPolicy | undefined;
  /** Hears of each refused call. */
  readonly onRefused: (policy: RateLimitPolicy) => void;
}

interface Admitted {
  readonly method: DescMethod;
  verdict: RateLimitVerdict | undefined;
}

/** Noted on the headers of the request, which live as long as it does; a WeakMap costs each request a microsecond. */
const admission = Symbol("admission");

interface AdmittedHeaders extends Headers {
  [admission]?: Admitted;
}

const unknownAddress = "unknown";
const none: readonly HeaderField[] = [];

export function createCallGate({ authenticate, limiter, policyOf, onRefused }: CallGateOptions): CallGate {
  function settle(admitted: Admitted, policy: RateLimitPolicy, verdict: RateLimitVerdict): void {
    if (verdict.outcome !== "unavailable") {
      admitted.verdict = verdict;
    }
    if (verdict.outcome === "refused") {
      onRefused(policy);
    }
    const refused = refusalOf(verdict);
    if (refused !== undefined) {
      throw refused;
    }
  }

  function charge(
    method: DescMethod,
    headers: AdmittedHeaders,
    address: string | undefined,
    principal: Principal | undefined,
  ): Promise<void> | undefined {
    const admitted: Admitted = { method, verdict: undefined };
    headers[admission] = admitted;
    const policy = policyOf(method);
    if (policy === undefined) {
      return undefined;
    }
    const taken = limiter.take(policy, clientKey(principal, address ?? unknownAddress));
    if (taken instanceof Promise) {
      return taken.then((verdict) => settle(admitted, policy, verdict));
    }
    settle(admitted, policy, taken);
    return undefined;
  }

  return {
    admit(method, headers, address) {
      const found = authenticate(method, headers, address);
      return found instanceof Promise
        ? found.then((principal) => charge(method, headers, address, principal))
        : charge(method, headers, address, found);
    },
    methodOf: (headers: AdmittedHeaders) => headers[admission]?.method,
    answerHeaders(headers: AdmittedHeaders) {
      const verdict = headers[admission]?.verdict;
      return verdict === undefined ? none : rateLimitHeaders(verdict);
    },
  };
}

/** What a call is answered that its budget does not let through; undefined when it does. */
export function refusalOf(verdict: RateLimitVerdict): ConnectError | undefined {
  switch (verdict.outcome) {
    case "allowed":
      return undefined;
    case "refused":
      return tooMany(verdict);
    case "unavailable":
      return cannotTell(verdict);
  }
}

function tooMany({ policy, retryAfterMs }: RateLimitVerdict): ConnectError {
  const { ratePerSecond, burst } = policy.limit;
  const message = `too many calls: ${ratePerSecond} a second, and ${burst} at once, are allowed`;
  return refusal(Code.ResourceExhausted, "RATE_LIMITED", message, retryAfterMs, { policy: policy.name });
}

function cannotTell({ retryAfterMs }: RateLimitVerdict): ConnectError {
  const message = "this cannot be called while calls cannot be counted; try again";
  return refusal(Code.Unavailable, "RATE_LIMIT_UNAVAILABLE", message, retryAfterMs, {});
}

function refusal(
  code: Code,
  reason: string,
  message: string,
  waitMs: number,
  metadata: Readonly<Record<string, string>>,
): ConnectError {
  const retryAfterMs = Math.max(1, Math.ceil(waitMs));
  const error = serviceError(code, reason, message, { metadata, retryAfterMs });
  error.metadata.set("retry-after", String(Math.ceil(retryAfterMs / 1000)));
  return error;
}
