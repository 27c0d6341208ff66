import { create, type DescMessage, type DescMethodStreaming, type MessageInitShape } from "@bufbuild/protobuf";
import { type ContextValues, createContextValues, type Interceptor, type StreamResponse } from "@connectrpc/connect";
import { runStreamingCall } from "@connectrpc/connect/protocol";
import { blame } from "../breaker/blame.ts";
import { currentCall, meshHeaders } from "../call-context.ts";
import { MeshError } from "../errors.ts";
import type { Connection } from "../pool/connection.ts";
import type { Pool, PooledConnection, PoolWaiter } from "../pool/pool.ts";
import { injectTrace } from "../tracing.ts";
import type { CallCore } from "./call-core.ts";
import { asConnectError, endOf } from "./client-error.ts";
import { timeoutFor } from "./deadline.ts";
import type { Endpoint } from "./endpoint.ts";
import type { HeadersInit } from "./outgoing-metadata.ts";

/*
 * Streaming calls: each owns a gRPC stream on a connection of the pool, through the same balancer and breaker as unary
 * calls. Retried only until it has a connection, since nothing is sent before; afterwards its ends own it.
 */
export interface StreamCallOptions {
  readonly core: CallCore;
  readonly interceptors: readonly Interceptor[];
}

/** In which a handler whose peer used up the time can still say so to its own caller. */
const deadlineReserveMs = 5;

export async function openStream<I extends DescMessage, O extends DescMessage>(
  { core, interceptors }: StreamCallOptions,
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
  const leftMs = timeoutFor(
    timeoutMs,
    Number.POSITIVE_INFINITY,
    surrounding?.deadlineMs,
    core.clock.monotonicMs(),
    deadlineReserveMs,
  );
  const linked = AbortSignal.any([signal, surrounding?.signal].filter((one) => one !== undefined));
  try {
    if (leftMs <= 0) {
      throw new MeshError("DEADLINE_EXCEEDED", "before the stream began");
    }
    const connection = await connectionFor(core, method.parent.typeName, linked);
    return await runStreamingCall<I, O>({
      ...(interceptors.length === 0 ? {} : { interceptors: [...interceptors] }),
      signal: linked,
      req: {
        stream: true,
        service: method.parent,
        method,
        requestMethod: "POST",
        url: `weft://${core.peer.name}/${name}`,
        header: streamHeaders(header),
        contextValues: contextValues ?? createContextValues(),
        message: normalized(method.input, input),
      },
      next: (request) =>
        connection.streams.stream(
          method,
          request.signal,
          leftMs === Number.POSITIVE_INFINITY ? undefined : leftMs,
          request.header,
          request.message as AsyncIterable<MessageInitShape<I>>,
          request.contextValues,
        ),
    });
  } catch (error) {
    throw asConnectError(linked.aborted ? endOf(linked.reason) : error, core.peer.name, name);
  }
}

/**
 * The first instance's connection that is given. Its place is given back at once, because from its beginning on the
 * connection itself counts the stream.
 */
async function connectionFor(core: CallCore, group: string, signal: AbortSignal): Promise<Connection> {
  const failed: Endpoint[] = [];
  for (let attempt = 1; ; attempt += 1) {
    const startedAtMs = core.clock.monotonicMs();
    const endpoint = core.peer.pick(group, failed, startedAtMs);
    let error: unknown;
    try {
      const slot = await slotOf(endpoint.pool, signal, startedAtMs);
      endpoint.pool.release(slot);
      return slot.connection;
    } catch (caught) {
      error = caught;
      failed.push(endpoint);
    } finally {
      const nowMs = core.clock.monotonicMs();
      const outcome = error === undefined ? "neutral" : blame(error, Number.POSITIVE_INFINITY);
      core.peer.ended(endpoint, group, outcome, nowMs - startedAtMs, nowMs);
    }
    const again = error instanceof MeshError && error.retryable && attempt < core.retry.maxAttempts;
    if (!again || signal.aborted || !core.peer.hasOther(group, failed, core.clock.monotonicMs())) {
      throw error;
    }
  }
}

function slotOf(pool: Pool, signal: AbortSignal, nowMs: number): Promise<PooledConnection> {
  const slot = pool.tryAcquire(nowMs);
  if (slot !== undefined) {
    return Promise.resolve(slot);
  }
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      pool.leave(waiter);
      reject(endOf(signal.reason));
    };
    const waiter: PoolWaiter = {
      poolSeat: -1,
      onConnection: (given: PooledConnection): void => {
        signal.removeEventListener("abort", onAbort);
        resolve(given);
      },
      onNoConnection: (error: MeshError): void => {
        signal.removeEventListener("abort", onAbort);
        reject(error);
      },
    };
    if (signal.aborted) {
      reject(endOf(signal.reason));
      return;
    }
    pool.enqueue(waiter, nowMs);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

function streamHeaders(given: HeadersInit | undefined): Headers {
  const headers = new Headers(given);
  const call = currentCall();
  if (call !== undefined && !headers.has(meshHeaders.correlationId)) {
    headers.set(meshHeaders.correlationId, call.correlationId);
  }
  if (call?.authorization !== undefined && !headers.has(meshHeaders.authorization)) {
    headers.set(meshHeaders.authorization, call.authorization);
  }
  injectTrace(headers);
  return headers;
}

async function* normalized<I extends DescMessage>(schema: I, input: AsyncIterable<MessageInitShape<I>>) {
  for await (const message of input) {
    yield create(schema, message);
  }
}
