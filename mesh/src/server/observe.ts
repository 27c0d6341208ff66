import { AsyncLocalStorage } from "node:async_hooks";
import type { ConnectError, Interceptor } from "@connectrpc/connect";
import { type CallContext, correlationIdFrom, meshHeaders, runInCall } from "../call-context.ts";
import type { Clock } from "../clock.ts";
import { metricNames } from "../diagnostics.ts";
import type { Logger } from "../logger.ts";
import type { CallRecorder } from "../metrics/call-recorder.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Random } from "../random.ts";
import { traceIdOf } from "../trace-context.ts";
import { inServerSpan, traceOf } from "../tracing.ts";
import { asAnswer, codeName, logFailure } from "./answer-error.ts";
import { timeoutOf } from "./timeout-header.ts";

export interface ObserveOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Counts calls being worked on, together with those that do not come through interceptors. */
  readonly load: { inFlight: number };
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
  const { clock, random, logger, metrics, load } = options;
  const recorders = new Map<string, CallRecorder>();
  const recorderOf = (method: string): CallRecorder => {
    const recorder =
      recorders.get(method) ?? metrics.callRecorder(metricNames.serverCalls, metricNames.serverCallSeconds, { method });
    recorders.set(method, recorder);
    return recorder;
  };
  return (next) => (request) => {
    const startedAtMs = clock.monotonicMs();
    const method = `${request.service.typeName}/${request.method.name}`;
    const timeoutMs = timeoutOf(request.header);
    const authorization = request.header.get(meshHeaders.authorization);
    const trace = traceOf(request.header, random);
    const context: CallContext = {
      correlationId: correlationIdFrom(request.header.get(meshHeaders.correlationId), () => traceIdOf(trace)),
      trace,
      method,
      signal: request.signal,
      ...(timeoutMs === undefined ? {} : { deadlineMs: startedAtMs + timeoutMs }),
      ...(authorization === null ? {} : { authorization }),
    };
    load.inFlight += 1;
    const recorder = recorderOf(method);
    const ended = (code: number): void => {
      const durationMs = clock.monotonicMs() - startedAtMs;
      load.inFlight -= 1;
      recorder.record(code, durationMs, trace);
      logger.debug(
        { method, code: code === 0 ? "ok" : codeName(code), durationMs: Math.round(durationMs * 1000) / 1000 },
        "call answered",
      );
    };
    const failed = (error: unknown): ConnectError => {
      const answer = asAnswer(error, context.correlationId);
      logFailure(logger, method, answer, error);
      ended(answer.code);
      return answer;
    };
    return runInCall(context, () =>
      inServerSpan(method, async () => {
        try {
          const response = await next(request);
          response.header.set(meshHeaders.correlationId, context.correlationId);
          if (response.stream) {
            return { ...response, message: observed(response.message, () => ended(0), failed) };
          }
          ended(0);
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
