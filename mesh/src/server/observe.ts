import { AsyncLocalStorage } from "node:async_hooks";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { type CallContext, correlationIdFrom, meshHeaders, runInCall } from "../call-context.ts";
import type { Clock } from "../clock.ts";
import { metricNames } from "../diagnostics.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../metrics.ts";
import { DatabaseUnavailableError } from "../postgres/postgres-error.ts";
import type { Random } from "../random.ts";
import { RedisAwayError } from "../redis/redis-error.ts";
import { errorReason, serviceError } from "../service-error.ts";
import { inServerSpan } from "../tracing.ts";

export interface ObserveOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * The outermost interceptor of a server: gives the handler its call context (correlation id, trace, deadline, signal),
 * counts and times the call, logs it, and makes sure that an error nobody meant for the caller leaves without detail.
 * Every answer carries the correlation id, so that a user can name it to whoever reads the logs.
 *
 * The handler of a stream runs while its messages are fetched, long after the interceptor has returned: fetching happens in
 * the call's context again, and the call is over with the last message.
 */
export function observe(options: ObserveOptions): Interceptor {
  const { clock, random, logger, metrics } = options;
  const calls = metrics.counter(metricNames.serverCalls);
  const seconds = metrics.histogram(metricNames.serverCallSeconds);
  const inFlight = metrics.gauge(metricNames.serverInFlight);
  return (next) => (request) => {
    const startedAtMs = clock.monotonicMs();
    const method = `${request.service.typeName}/${request.method.name}`;
    const timeoutMs = timeoutOf(request.header);
    const authorization = request.header.get(meshHeaders.authorization);
    const context: CallContext = {
      correlationId: correlationIdFrom(request.header.get(meshHeaders.correlationId), () => random.id()),
      method,
      signal: request.signal,
      ...(timeoutMs === undefined ? {} : { deadlineMs: startedAtMs + timeoutMs }),
      ...(authorization === null ? {} : { authorization }),
    };
    inFlight.inc();
    const ended = (code: string): void => {
      const durationMs = clock.monotonicMs() - startedAtMs;
      inFlight.dec();
      calls.inc({ method, code });
      seconds.observe({ method }, durationMs / 1000);
      logger.debug({ method, code, durationMs: Math.round(durationMs * 1000) / 1000 }, "call answered");
    };
    const failed = (error: unknown): ConnectError => {
      const answer = asAnswer(error, context.correlationId);
      logFailure(logger, method, answer, error);
      ended(codeName(answer.code));
      return answer;
    };
    return runInCall(context, () =>
      inServerSpan(method, request.header, random, async () => {
        try {
          const response = await next(request);
          response.header.set(meshHeaders.correlationId, context.correlationId);
          if (response.stream) {
            return { ...response, message: observed(response.message, () => ended("ok"), failed) };
          }
          ended("ok");
          return response;
        } catch (error) {
          throw failed(error);
        }
      }),
    );
  };
}

/** The messages of a stream, each fetched in the context in which this was called. */
function observed<M>(
  messages: AsyncIterable<M>,
  ended: () => void,
  failed: (error: unknown) => unknown,
): AsyncIterable<M> {
  const inContext = AsyncLocalStorage.snapshot();
  const iterator = messages[Symbol.asyncIterator]();
  let over = false;
  const step = (fetch: () => Promise<IteratorResult<M>>): Promise<IteratorResult<M>> =>
    inContext(async () => {
      try {
        const result = await fetch();
        if (result.done === true && !over) {
          over = true;
          ended();
        }
        return result;
      } catch (error) {
        if (over) {
          throw error;
        }
        over = true;
        throw failed(error);
      }
    });
  const finished = { done: true as const, value: undefined };
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => step(() => iterator.next()),
      return: () => step(() => iterator.return?.() ?? Promise.resolve(finished)),
      throw: (error: unknown) => step(() => iterator.throw?.(error) ?? Promise.reject(error)),
    }),
  };
}

/** Connect's own spelling of a code: "invalid_argument". */
export function codeName(code: Code): string {
  return (Code[code] ?? "Unknown").replace(/[a-z][A-Z]/g, (pair) => `${pair[0]}_${pair[1]}`).toLowerCase();
}

/**
 * What the caller sees. Errors made for callers pass; everything else is a fault of ours, whose words could name hosts,
 * queries or people.
 */
function asAnswer(error: unknown, correlationId: string): ConnectError {
  const answer = answerFor(error);
  answer.metadata.set(meshHeaders.correlationId, correlationId);
  return answer;
}

/** What a peer answered passes with its code and details; of its headers only the advice when to come back. */
function relayed(error: ConnectError): ConnectError {
  const answer = new ConnectError(error.rawMessage, error.code, undefined, undefined, error);
  answer.details = error.details;
  const retryAfterMs = error.metadata.get("retry-after-ms");
  if (retryAfterMs !== null) {
    answer.metadata.set("retry-after-ms", retryAfterMs);
  }
  return answer;
}

function answerFor(error: unknown): ConnectError {
  if (error instanceof ConnectError) {
    // Connect sends no metadata of an error that came over the wire, so ours would be lost with the rest.
    return (error as { isWireError?: boolean }).isWireError === true ? relayed(error) : error;
  }
  if (error instanceof DatabaseUnavailableError) {
    const options = { retryAfterMs: 1000, cause: error };
    return serviceError(Code.Unavailable, "DATABASE_UNAVAILABLE", "the database is not available; try again", options);
  }
  if (error instanceof RedisAwayError) {
    const options = { retryAfterMs: 1000, cause: error };
    return serviceError(Code.Unavailable, "REDIS_UNAVAILABLE", "Redis is not available; try again", options);
  }
  if (error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError")) {
    return ConnectError.from(error, Code.Canceled);
  }
  return new ConnectError("internal error", Code.Internal, undefined, undefined, error);
}

/** Codes that mean that we failed, not that the call was refused. */
const faultCodes: ReadonlySet<Code> = new Set([Code.Unknown, Code.Internal, Code.DataLoss]);

function logFailure(logger: Logger, method: string, answer: ConnectError, error: unknown): void {
  const fields = { method, code: codeName(answer.code), reason: errorReason(answer) };
  if (faultCodes.has(answer.code)) {
    logger.error({ ...fields, err: error instanceof ConnectError ? (error.cause ?? error) : error }, "call failed");
  } else if (answer.code === Code.Unavailable || answer.code === Code.DeadlineExceeded) {
    logger.warn({ ...fields, err: answer.cause ?? answer }, "call could not be answered");
  } else {
    logger.debug({ ...fields, answer: answer.rawMessage }, "call refused");
  }
}

/** gRPC says "250m", Connect says milliseconds. */
function timeoutOf(headers: Headers): number | undefined {
  const connect = headers.get("connect-timeout-ms");
  if (connect !== null && /^\d{1,10}$/.test(connect)) {
    return Number(connect);
  }
  const match = /^(\d{1,8})([HMSmun])$/.exec(headers.get("grpc-timeout") ?? "");
  const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000001 };
  const factor = unitMs[match?.[2] ?? ""];
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor;
}
