import type { DescService } from "@bufbuild/protobuf";
import { Code, type ConnectError, createContextKey, type Interceptor } from "@connectrpc/connect";
import type { Clock } from "../clock.ts";
import { metricNames } from "../diagnostics.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { serviceError } from "../service-error.ts";
import { admitsAnyone, CallerAuthorization, type CallerPolicy } from "./authorization.ts";
import { LogLimit } from "./log-limit.ts";

/** The calling service, in the context values of a handler; undefined without mTLS. */
export const callerKey = createContextKey<string | undefined>(undefined, { description: "calling service" });

export interface CallerGateOptions {
  readonly policy: CallerPolicy | undefined;
  readonly services: readonly DescService[];
  /** What the mesh itself serves on the same port. */
  readonly ownServices: readonly DescService[];
  /** Whether callers have identities: mTLS is on. */
  readonly identified: boolean;
  readonly development: boolean;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * The gate of a service; undefined when there is nothing to enforce, because mTLS is off or the service takes anyone. The
 * policy is checked in any case, so that a mistake shows where it is made rather than where mTLS is on. Throws
 * CONFIG_INVALID.
 *
 * In production a policy that is not enforced is said out loud, since it looks as if it held.
 */
export function createCallerGate(options: CallerGateOptions): CallerGate | undefined {
  const authorization = new CallerAuthorization(options);
  if (!options.identified && !options.development) {
    options.logger.warn("mTLS is off: callers have no identity and no caller policy is enforced; set WEFT_MTLS=on");
  }
  return options.identified && !admitsAnyone(options.policy) ? new CallerGate(authorization, options) : undefined;
}

/** One line a second says enough about a caller that keeps trying. */
const logIntervalMs = 1000;

/**
 * Where a caller policy is enforced: says whether a call may pass, and makes the answer for one that may not:
 * PERMISSION_DENIED with the reason CALLER_NOT_ALLOWED, counted and logged.
 */
export class CallerGate {
  readonly #authorization: CallerAuthorization;
  readonly #options: Pick<CallerGateOptions, "clock" | "logger" | "metrics">;
  readonly #log = new LogLimit(logIntervalMs);

  constructor(authorization: CallerAuthorization, options: Pick<CallerGateOptions, "clock" | "logger" | "metrics">) {
    this.#authorization = authorization;
    this.#options = options;
  }

  /** Whether a caller may call "package.Service/Method". */
  allows(method: string, caller: string | undefined): boolean {
    return this.#authorization.allows(method, caller);
  }

  /** The answer to a call that is not allowed. */
  refusal(method: string, caller: string | undefined): ConnectError {
    const { clock, logger, metrics } = this.#options;
    const name = caller ?? "unidentified";
    metrics.counter(metricNames.callersDenied).inc({ caller: name, method });
    const suppressed = this.#log.take(clock.monotonicMs());
    if (suppressed !== undefined) {
      logger.warn({ caller: name, method, suppressed }, "a call was refused by the caller policy");
    }
    const who = caller ?? "a caller without identity";
    return serviceError(Code.PermissionDenied, "CALLER_NOT_ALLOWED", `${who} may not call ${method}`, {
      metadata: { caller: name, method },
    });
  }

  /** For what Connect serves; reads the caller from `callerKey`. Belongs right inside of what counts and logs calls. */
  interceptor(): Interceptor {
    return (next) => (request) => {
      const method = `${request.service.typeName}/${request.method.name}`;
      const caller = request.contextValues.get(callerKey);
      return this.allows(method, caller) ? next(request) : Promise.reject(this.refusal(method, caller));
    };
  }
}
