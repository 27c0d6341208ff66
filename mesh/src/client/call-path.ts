import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextValues,
  type Interceptor,
  type StreamResponse,
  type Transport,
  type UnaryResponse,
} from "@connectrpc/connect";
import { runStreamingCall, runUnaryCall } from "@connectrpc/connect/protocol";
import { correlationIdFrom, currentCall, meshHeaders } from "../call-context.ts";
import type { Clock } from "../clock.ts";
import { MeshError, meshErrors } from "../errors.ts";
import type { Connection, UnaryAnswer } from "../pool/connection.ts";
import type { Random } from "../random.ts";
import { serviceError } from "../service-error.ts";
import { inClientSpan, injectTrace } from "../tracing.ts";
import { deadlineSignal, timeoutFor } from "./deadline.ts";
import type { Endpoint, Peer } from "./peer.ts";
import { mayRetry, type RetryPolicy, retryDefaults } from "./retry.ts";
import type { RetryBudget } from "./retry-budget.ts";

/**
 * The path of a call, as a Connect transport: every layer is above the next for a reason.
 *
 * 1. Interceptors of the application: they see one call, whatever happens below.
 * 2. Context: correlation id, trace context and the caller's authorization go into the headers; once per call, so that
 *    all attempts carry the same.
 * 3. Deadline and cancellation: above retries, so that attempts share one deadline instead of adding up.
 * 4. Retry with budget: above the balancer, so that each attempt may go to another instance.
 * 5. Balancer: above breaker and pool, because it chooses the instance whose breaker and pool are used.
 * 6. Breaker: above the pool, so that waiting for a connection of a sick instance counts against it.
 * 7. Pool: chooses the connection; above the connection, which only sends.
 */
export interface CallPathOptions {
  readonly peer: Peer;
  readonly clock: Clock;
  readonly random: Random;
  readonly retryBudget: RetryBudget;
  readonly interceptors?: Interceptor[];
  readonly retry?: Partial<RetryPolicy>;
  /** When the caller sets no timeout; 10 s when absent. */
  readonly defaultTimeoutMs?: number;
  readonly onCall?: (method: string, code: Code | undefined, durationMs: number) => void;
  readonly onAttempt?: (outcome: "ok" | "failed" | "retried" | "budget_exhausted") => void;
}

/** Whatever `new Headers()` takes; the DOM library that names it is not loaded. */
type HeadersInit = ConstructorParameters<typeof Headers>[0];

const defaultTimeoutMs = 10_000;
/** In which a handler whose peer used up the time can still say so to its own caller. */
const deadlineReserveMs = 5;

export function createCallPath(options: CallPathOptions): Transport {
  const { peer, clock } = options;
  const retry: RetryPolicy = { ...retryDefaults, ...options.retry };

  async function attempts(call: AttemptCall): Promise<UnaryAnswer> {
    options.retryBudget.deposit();
    const failed = new Set<Endpoint>();
    for (let attempt = 1; ; attempt += 1) {
      let endpoint: Endpoint | undefined;
      try {
        if (call.signal.aborted) {
          throw call.signal.reason;
        }
        endpoint = peer.pick(failed);
        const answer = await attemptOn(endpoint, call);
        options.onAttempt?.("ok");
        return answer;
      } catch (error) {
        if (endpoint !== undefined) {
          failed.add(endpoint);
        }
        if (call.signal.aborted || !mayRetry(error, call.method, attempt, retry)) {
          options.onAttempt?.("failed");
          throw call.signal.reason instanceof MeshError && call.signal.aborted ? call.signal.reason : error;
        }
        if (!options.retryBudget.tryWithdraw()) {
          options.onAttempt?.("budget_exhausted");
          throw error;
        }
        options.onAttempt?.("retried");
        if (!peer.hasOther(failed)) {
          await pauseBeforeRetry(attempt, clock, options.random, call.signal);
        }
      }
    }
  }

  async function attemptOn(endpoint: Endpoint, call: AttemptCall): Promise<UnaryAnswer> {
    try {
      return await endpoint.breaker.run(() => sendOn(endpoint, call), call.deadlineMs - clock.monotonicMs());
    } finally {
      peer.done(endpoint);
    }
  }

  async function sendOn(endpoint: Endpoint, call: AttemptCall): Promise<UnaryAnswer> {
    const connection = await endpoint.pool.acquire(call.signal);
    const startedAtMs = clock.monotonicMs();
    try {
      const answer = await connection.unary({
        method: call.method,
        header: call.header,
        message: call.message,
        timeoutMs: call.deadlineMs - startedAtMs,
        signal: call.signal,
      });
      endpoint.latency.observe(clock.monotonicMs() - startedAtMs, clock.monotonicMs());
      return answer;
    } catch (error) {
      observeFailure(endpoint, error, startedAtMs, clock);
      throw error;
    } finally {
      endpoint.pool.release(connection);
    }
  }

  /**
   * Where a stream begins: the first instance that gives it a connection, since nothing is sent before. Its place is given
   * back at once, because from its beginning on the connection itself counts it.
   */
  async function streamConnection(signal: AbortSignal): Promise<Connection> {
    const failed = new Set<Endpoint>();
    for (let attempt = 1; ; attempt += 1) {
      const endpoint = peer.pick(failed);
      try {
        const connection = await endpoint.breaker.run(() => endpoint.pool.acquire(signal));
        endpoint.pool.release(connection);
        return connection;
      } catch (error) {
        failed.add(endpoint);
        const again = error instanceof MeshError && error.retryable && attempt < retry.maxAttempts;
        if (!again || !peer.hasOther(failed) || signal.aborted) {
          throw error;
        }
      } finally {
        peer.done(endpoint);
      }
    }
  }

  async function openStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: ContextValues,
  ): Promise<StreamResponse<I, O>> {
    const name = `${method.parent.typeName}/${method.name}`;
    const surrounding = currentCall();
    // A stream has no default deadline: it may live as long as its ends do.
    const deadlineMs = surrounding?.deadlineMs;
    const left =
      deadlineMs === undefined
        ? timeoutMs
        : timeoutFor({
            requestedMs: timeoutMs,
            defaultMs: Number.POSITIVE_INFINITY,
            surroundingDeadlineMs: deadlineMs,
            nowMs: clock.monotonicMs(),
            reserveMs: deadlineReserveMs,
          });
    const linked = AbortSignal.any([signal, surrounding?.signal].filter((one) => one !== undefined));
    try {
      if (deadlineMs !== undefined && left !== undefined && left <= 0) {
        throw new MeshError("DEADLINE_EXCEEDED", "before the stream began");
      }
      const connection = await streamConnection(linked);
      return await runStreamingCall<I, O>({
        ...(options.interceptors === undefined ? {} : { interceptors: options.interceptors }),
        signal: linked,
        req: {
          stream: true,
          service: method.parent,
          method,
          requestMethod: "POST",
          url: `weft://${peer.name}/${name}`,
          header: outgoingHeaders(header, options.random),
          contextValues: contextValues ?? createContextValues(),
          message: normalized(method.input, input),
        },
        next: (request) =>
          connection.streams.stream(
            method,
            request.signal,
            left,
            request.header,
            request.message as AsyncIterable<MessageInitShape<I>>,
            request.contextValues,
          ),
      });
    } catch (error) {
      throw asConnectError(error, linked, peer.name, name);
    }
  }

  return {
    async unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: HeadersInit | undefined,
      input: MessageInitShape<I>,
      contextValues?: ContextValues,
    ): Promise<UnaryResponse<I, O>> {
      const startedAtMs = clock.monotonicMs();
      const surrounding = currentCall();
      const timeout = timeoutFor({
        requestedMs: timeoutMs,
        defaultMs: options.defaultTimeoutMs ?? defaultTimeoutMs,
        surroundingDeadlineMs: surrounding?.deadlineMs,
        nowMs: startedAtMs,
        reserveMs: deadlineReserveMs,
      });
      const limit = deadlineSignal(clock, timeout, [signal, surrounding?.signal]);
      const name = `${method.parent.typeName}/${method.name}`;
      try {
        const response = await inClientSpan(name, peer.name, () =>
          runUnaryCall<I, O>({
            ...(options.interceptors === undefined ? {} : { interceptors: options.interceptors }),
            signal: limit.signal,
            req: {
              stream: false,
              service: method.parent,
              method,
              requestMethod: "POST",
              url: `weft://${peer.name}/${name}`,
              header: outgoingHeaders(header, options.random),
              contextValues: contextValues ?? createContextValues(),
              message: create(method.input, input),
            },
            next: async (request) => {
              const answer = await attempts({
                method,
                header: request.header,
                message: request.message,
                signal: limit.signal,
                deadlineMs: startedAtMs + timeout,
              });
              return {
                stream: false,
                service: method.parent,
                method,
                header: answer.header,
                trailer: answer.trailer,
                message: answer.message as UnaryResponse<I, O>["message"],
              };
            },
          }),
        );
        options.onCall?.(name, undefined, clock.monotonicMs() - startedAtMs);
        return response;
      } catch (error) {
        const translated = asConnectError(error, limit.signal, peer.name, name);
        options.onCall?.(name, translated.code, clock.monotonicMs() - startedAtMs);
        throw translated;
      } finally {
        limit.done();
      }
    },

    stream(...call) {
      const stream = openStream(...call);
      // A client begins its stream before anybody reads it: one that nobody reads must not end the process when it fails.
      stream.catch(() => undefined);
      return stream;
    },
  };
}

interface AttemptCall {
  readonly method: DescMethodUnary;
  readonly header: Headers;
  readonly message: UnaryAnswer["message"];
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

function outgoingHeaders(given: HeadersInit | undefined, random: Random): Headers {
  const header = new Headers(given);
  const call = currentCall();
  if (!header.has(meshHeaders.correlationId)) {
    header.set(
      meshHeaders.correlationId,
      correlationIdFrom(call?.correlationId, () => random.id()),
    );
  }
  if (call?.authorization !== undefined && !header.has(meshHeaders.authorization)) {
    header.set(meshHeaders.authorization, call.authorization);
  }
  injectTrace(header);
  return header;
}

/** When no other instance is left: a pause that grows, so that an instance that is just restarting is met again. */
async function pauseBeforeRetry(attempt: number, clock: Clock, random: Random, signal: AbortSignal): Promise<void> {
  const ceilingMs = 25 * 2 ** (attempt - 1);
  try {
    await clock.sleep(ceilingMs * (0.5 + random.next() / 2), signal);
  } catch {
    // Aborted: the next attempt finds out by itself and says why.
  }
}

/** A slow failure is as bad as a slow answer; a quick one must not make the instance look fast. */
function observeFailure(endpoint: Endpoint, error: unknown, startedAtMs: number, clock: Clock): void {
  const nowMs = clock.monotonicMs();
  const tookMs = nowMs - startedAtMs;
  const failedByInstance = error instanceof MeshError && error.meshCode !== "CANCELED";
  if (failedByInstance || error instanceof ConnectError) {
    endpoint.latency.observe(Math.max(tookMs, endpoint.latency.valueMs(nowMs)), nowMs);
  }
}

async function* normalized<I extends DescMessage>(schema: I, input: AsyncIterable<MessageInitShape<I>>) {
  for await (const message of input) {
    yield create(schema, message);
  }
}

/** What callers get: a ConnectError whose cause is the mesh's own error, and whose reason is its code. */
function asConnectError(error: unknown, signal: AbortSignal, peer: string, method: string): ConnectError {
  const reason: unknown = signal.aborted ? signal.reason : undefined;
  const meaning = reason instanceof MeshError ? reason : meshErrorIn(error);
  if (meaning !== undefined) {
    // Addresses and causes stay in the cause, for the log: what callers are told may travel to theirs.
    return serviceError(
      meaning.code,
      `MESH_${meaning.meshCode}`,
      `${method}: ${meshErrors[meaning.meshCode].message}`,
      {
        metadata: { peer },
        cause: meaning,
      },
    );
  }
  if (error instanceof ConnectError) {
    return error;
  }
  return ConnectError.from(error, Code.Internal);
}

function meshErrorIn(error: unknown): MeshError | undefined {
  if (error instanceof MeshError) {
    return error;
  }
  return error instanceof ConnectError && error.cause instanceof MeshError ? error.cause : undefined;
}
