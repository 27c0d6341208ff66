import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type DescService,
  isMessage,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  type CallOptions,
  type Client,
  type ContextValues,
  createClient,
  createContextValues,
  type Interceptor,
  type Transport,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import { type CallFrame, currentFrame } from "../call-context.ts";
import type { ChildCalls } from "../child-calls.ts";
import { headersFrom, type MetadataList } from "../lane/metadata.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { TraceIds } from "../trace-context.ts";
import { activeTrace, inClientSpan, spansAreRecorded, traceOfFrame } from "../tracing.ts";
import type { CallCore } from "./call-core.ts";
import { ClientCall } from "./client-call.ts";
import { ClientMethod } from "./client-method.ts";
import { timeoutFor } from "./deadline.ts";
import type { HedgeOptions } from "./hedging.ts";
import { type HeadersInit, outgoingMetadata, withContext } from "./outgoing-metadata.ts";
import { openStream } from "./stream-call.ts";

/**
 * The path of a call: every layer is above the next for a reason.
 *
 * 1. Interceptors of the application: they see one call, whatever happens below.
 * 2. Context: correlation id, trace context and the caller's authorization; once per call, so that all attempts carry the
 *    same.
 * 3. Deadline and cancellation: above retries, so that attempts share one deadline instead of adding up.
 * 4. Retry and hedge with one budget: above the balancer, so that each attempt may go to another instance.
 * 5. Balancer: above breaker and pool, because it chooses the instance whose breaker and pool are used.
 * 6. Breaker: above the pool, so that waiting for a connection of a sick instance counts against it.
 * 7. Pool: chooses the connection; above the connection, which only sends.
 *
 * This file does 1 and 2 and begins 3; a `ClientCall` goes through the rest, step by step and without a closure or a
 * promise per layer. Callers hold either a typed client or a Connect transport; both end here.
 */
export interface CallPathOptions {
  readonly core: CallCore;
  readonly metrics: Metrics;
  /** The application's, outermost first; none when absent. */
  readonly interceptors?: readonly Interceptor[];
  /** Second copies of slow idempotent calls; none when absent. */
  readonly hedge?: HedgeOptions | undefined;
  /** When the caller sets no timeout; 10 s when absent. */
  readonly defaultTimeoutMs?: number;
}

/** What a caller says of one call by descriptor. */
export interface UnaryCallOptions {
  /**
   * Names and values in turn. Names are in lower case and none of those that HTTP/2 or the mesh writes itself; values have
   * been checked: they come from headers.
   */
  readonly metadata?: MetadataList | undefined;
  /** In milliseconds; the default when undefined. */
  readonly timeoutMs?: number | undefined;
  /**
   * The call ends with these, instead of with the call that is being worked on, whose deadline does not bind it either: for
   * work that is done for several callers, or for one who may leave before it is over.
   */
  readonly endsWith?: ChildCalls | undefined;
}

type CallChoices = CallOptions & Pick<UnaryCallOptions, "endsWith" | "metadata">;

const defaultTimeoutMs = 10_000;
/** In which a handler whose peer used up the time can still say so to its own caller. */
const deadlineReserveMs = 5;

/** Methods are numbered over the whole process, so that every lane may use the same numbers. */
let methodsMade = 0;

export class CallPath {
  readonly #core: CallCore;
  readonly #options: CallPathOptions;
  readonly #methods = new Map<DescMethodUnary, ClientMethod>();
  readonly #defaultTimeoutMs: number;
  readonly #interceptors: readonly Interceptor[];
  /** What Connect's own clients and generic callers use. */
  readonly transport: Transport;

  constructor(options: CallPathOptions) {
    this.#core = options.core;
    this.#options = options;
    this.#defaultTimeoutMs = options.defaultTimeoutMs ?? defaultTimeoutMs;
    this.#interceptors = options.interceptors ?? [];
    this.transport = {
      unary: (method, signal, timeoutMs, header, input, contextValues) =>
        this.#respond(method, { signal, timeoutMs, headers: header, contextValues } as CallOptions, input),
      stream: (method, signal, timeoutMs, header, input, contextValues) => {
        const stream = openStream(
          { core: this.#core, interceptors: this.#interceptors },
          method,
          signal,
          timeoutMs,
          header,
          input,
          contextValues,
        );
        // A client begins its stream before anybody reads it: one that nobody reads must not end the process when it fails.
        stream.catch(() => undefined);
        return stream;
      },
    };
  }

  /**
   * A typed client, as Connect's `createClient` makes them; its unary methods skip the response object that nobody asked
   * for.
   */
  client<S extends DescService>(service: S): Client<S> {
    const client = createClient(service, this.transport) as Record<string, unknown>;
    for (const desc of service.methods) {
      if (desc.methodKind === "unary" && this.#interceptors.length === 0) {
        const method = this.#method(desc as DescMethodUnary);
        client[desc.localName] = (input: MessageInitShape<DescMessage>, options?: CallOptions) => {
          try {
            return options?.onHeader === undefined && options?.onTrailer === undefined
              ? this.#call(method, input, options).answer
              : this.#callWithHeaders(method, input, options);
          } catch (error) {
            return Promise.reject(error);
          }
        };
      }
    }
    return client as Client<S>;
  }

  /** A call by descriptor, without the response object that a transport makes. Rejects with a ConnectError. */
  call<I extends DescMessage, O extends DescMessage>(
    desc: DescMethodUnary<I, O>,
    input: MessageShape<I>,
    options: UnaryCallOptions,
  ): Promise<MessageShape<O>> {
    const method = this.#method(desc as unknown as DescMethodUnary);
    const choices = options as CallChoices;
    try {
      const answer =
        this.#interceptors.length > 0
          ? this.#intercepted(method, choices, input as never).then(({ message }) => message)
          : this.#call(method, input as never, choices).answer;
      return answer as Promise<MessageShape<O>>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #method(desc: DescMethodUnary): ClientMethod {
    let method = this.#methods.get(desc);
    if (method === undefined) {
      methodsMade += 1;
      method = new ClientMethod(methodsMade, desc, this.#core.peer.name, this.#options.metrics, this.#options.hedge);
      this.#methods.set(desc, method);
    }
    return method;
  }

  /** Throws a ConnectError for an input or headers that cannot be sent to anybody. */
  #call(method: ClientMethod, input: MessageInitShape<DescMessage>, options: CallChoices | undefined): StartedCall {
    const frame = currentFrame();
    const { desc } = method;
    let metadata: MetadataList | undefined;
    let message: Message;
    try {
      metadata =
        options?.metadata === undefined
          ? outgoingMetadata(options?.headers, frame?.call)
          : withContext(options.metadata, frame?.call);
      message = isMessage(input, desc.input) ? input : create(desc.input, input);
    } catch (error) {
      throw this.#core.asConnectError(error, method.name);
    }
    if (spansAreRecorded()) {
      return this.#callInSpan(method, message, options, frame, metadata);
    }
    return this.#begin(method, message, options, frame, metadata, undefined);
  }

  #begin(
    method: ClientMethod,
    message: Message,
    options: CallChoices | undefined,
    frame: CallFrame | undefined,
    metadata: MetadataList | undefined,
    span: TraceIds | undefined,
  ): StartedCall {
    const core = this.#core;
    // Without the call at hand where this one is not made for it alone.
    const surrounding = options?.endsWith === undefined ? frame?.call : undefined;
    const signal = options?.signal;
    const children = options?.endsWith ?? surrounding?.children;
    const nowMs = core.clock.monotonicMs();
    const allowedMs = timeoutFor(
      options?.timeoutMs,
      this.#defaultTimeoutMs,
      surrounding?.deadlineMs,
      nowMs,
      deadlineReserveMs,
    );
    const trace = span ?? (frame === undefined ? undefined : traceOfFrame(frame));
    const call = new ClientCall(core, method, message, metadata, nowMs, allowedMs, trace);
    if (span !== undefined) {
      // The peer's span is a child of the one that is recorded here.
      call.span0 = span.span0;
      call.span1 = span.span1;
    }
    if (signal?.aborted === true) {
      return { call, answer: call.decline(signal.reason) };
    }
    if (children?.ended === true) {
      return { call, answer: call.decline(children.reason) };
    }
    const answer = call.run();
    if (signal !== undefined) {
      call.follow(signal);
    }
    if (children !== undefined) {
      call.attachTo(children);
    } else if (surrounding?.signal !== undefined) {
      call.follow(surrounding.signal);
    }
    return { call, answer };
  }

  #callInSpan(
    method: ClientMethod,
    message: Message,
    options: CallChoices | undefined,
    frame: CallFrame | undefined,
    metadata: MetadataList | undefined,
  ): StartedCall {
    let started: StartedCall | undefined;
    const answer = inClientSpan(method.name, this.#core.peer.name, () => {
      started = this.#begin(method, message, options, frame, metadata, activeTrace());
      return started.answer;
    });
    return { call: (started as unknown as StartedCall).call, answer };
  }

  async #callWithHeaders(
    method: ClientMethod,
    input: MessageInitShape<DescMessage>,
    options: CallOptions,
  ): Promise<Message> {
    const { call, answer } = this.#call(method, input, options);
    const message = await answer;
    options.onHeader?.(headersFrom(call.headers));
    options.onTrailer?.(headersFrom(call.trailers));
    return message;
  }

  async #respond<I extends DescMessage, O extends DescMessage>(
    desc: DescMethodUnary<I, O>,
    options: CallOptions,
    input: MessageInitShape<I>,
  ): Promise<UnaryResponse<I, O>> {
    const method = this.#method(desc as unknown as DescMethodUnary);
    if (this.#interceptors.length > 0) {
      return (await this.#intercepted(method, options, input as never)) as unknown as UnaryResponse<I, O>;
    }
    const { call, answer } = this.#call(method, input as never, options);
    return responseOf(method, await answer, call) as unknown as UnaryResponse<I, O>;
  }

  /** With interceptors there is a request object that they may change, and a response object. */
  #intercepted(
    method: ClientMethod,
    options: CallChoices,
    input: MessageInitShape<DescMessage>,
  ): Promise<UnaryResponse> {
    const { desc } = method;
    const innermost = async (request: UnaryRequest): Promise<UnaryResponse> => {
      const { call, answer } = this.#call(method, request.message, {
        signal: request.signal,
        headers: request.header,
        endsWith: options.endsWith,
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
      });
      return responseOf(method, await answer, call);
    };
    const chain = this.#interceptors.reduceRight<(request: UnaryRequest) => Promise<unknown>>(
      (next, interceptor) => interceptor(next as Parameters<Interceptor>[0]) as typeof next,
      innermost,
    );
    return chain({
      stream: false,
      service: desc.parent,
      method: desc,
      requestMethod: "POST",
      url: `weft://${this.#core.peer.name}/${method.name}`,
      signal: options.signal ?? new AbortController().signal,
      header:
        options.metadata === undefined ? new Headers(options.headers as HeadersInit) : headersFrom(options.metadata),
      contextValues: (options.contextValues as ContextValues | undefined) ?? createContextValues(),
      message: create(desc.input, input),
    } as UnaryRequest) as Promise<UnaryResponse>;
  }
}

interface StartedCall {
  readonly call: ClientCall;
  readonly answer: Promise<Message>;
}

function responseOf(method: ClientMethod, message: Message, call: ClientCall): UnaryResponse {
  return {
    stream: false,
    service: method.desc.parent,
    method: method.desc,
    message,
    header: headersFrom(call.headers),
    trailer: headersFrom(call.trailers),
  };
}
