import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { overloadedError } from "../admission/overloaded-error.ts";
import type { AdmissionTicket, RefusalReason } from "../admission/ticket-queue.ts";
import { type CallContext, type CallFrame, correlationIdFrom, runInFrame } from "../call-context.ts";
import { ChildCalls } from "../child-calls.ts";
import type { Encodable } from "../codec/message-codec.ts";
import { DeadlineEntry } from "../deadline-wheel.ts";
import { randomInt32, type TraceIds, traceIdOf, traceToHeader } from "../trace-context.ts";
import { inServerSpan, spansAreRecorded } from "../tracing.ts";
import { withoutStack } from "../without-stack.ts";
import { asAnswer, codeName, logFailure } from "./answer-error.ts";
import { HandlerView } from "./handler-view.ts";
import type { RpcCore } from "./rpc-core.ts";
import type { ServedMethod } from "./served-method.ts";

/**
 * One unary call that this process serves, from its arrival to its answer, whichever way it came: lanes and plain gRPC
 * each add how a request is read and an answer is written.
 *
 *   waiting ──admitted──▶ running ──▶ answered
 *      └──refused / deadline / canceled──▶ answered
 *
 * It is many things at once, so that a call costs one object: the context that its handler's work carries, the frame that
 * AsyncLocalStorage holds, its entry in the deadline wheel, and its ticket at the admission. Whatever ends it first wins;
 * what comes later is dropped. A handler that goes on after that is told by the signal, and still counts as running, since
 * it still uses the process.
 */
export abstract class ServerCall extends DeadlineEntry implements CallContext, CallFrame, TraceIds, AdmissionTicket {
  readonly core: RpcCore;
  readonly served: ServedMethod;
  readonly startedAtMs: number;
  otel: CallFrame["otel"] = undefined;
  caller: string | undefined = undefined;
  trace0 = 0;
  trace1 = 0;
  trace2 = 0;
  trace3 = 0;
  span0 = 0;
  span1 = 0;
  traceFlags = 0;
  /** How important it is (admission/priority.ts). */
  priority = 0;
  ticketNext: AdmissionTicket | undefined = undefined;
  ticketPrevious: AdmissionTicket | undefined = undefined;
  ticketQueuedAtMs = -1;
  /** When it was let in. */
  #enteredAtMs = 0;
  #answered = false;
  #queued = false;
  #message: Message | undefined;
  #correlationId: string | undefined;
  #controller: AbortController | undefined;
  #endedBy: ConnectError | undefined;
  #children: ChildCalls | undefined;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;

  constructor(core: RpcCore, served: ServedMethod, startedAtMs: number) {
    super();
    this.core = core;
    this.served = served;
    this.startedAtMs = startedAtMs;
  }

  /** The value of a request header, without making Headers of all. */
  protected abstract headerValue(name: string): string | undefined;
  protected abstract makeRequestHeader(): Headers;
  protected abstract readMessage(): Message;
  protected abstract sendAnswer(message: Encodable): void;
  protected abstract sendError(error: ConnectError, unprocessed: boolean): void;

  /** Of the other end of its connection, while that is open. */
  abstract get peerAddress(): string | undefined;

  get call(): CallContext {
    return this;
  }

  get trace(): TraceIds {
    return this;
  }

  get method(): string {
    return this.served.name;
  }

  get correlationId(): string {
    this.#correlationId ??= correlationIdFrom(this.headerValue("x-correlation-id"), () => traceIdOf(this));
    return this.#correlationId;
  }

  get correlatedByTrace(): boolean {
    return this.headerValue("x-correlation-id") === undefined;
  }

  get authorization(): string | undefined {
    return this.headerValue("authorization");
  }

  /** Made when somebody asks; aborted already if the call has ended by then. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#answered) {
        this.#controller.abort(this.#endedBy ?? answered);
      }
    }
    return this.#controller.signal;
  }

  get children(): ChildCalls {
    if (this.#children === undefined) {
      this.#children = new ChildCalls();
      if (this.#answered) {
        this.#children.end(this.#endedBy);
      }
    }
    return this.#children;
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= this.makeRequestHeader();
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers();
    return this.#responseTrailer;
  }

  /** What the handler set; undefined when it set none. */
  protected get headersToSend(): Headers | undefined {
    return this.#responseHeader;
  }

  protected get trailersToSend(): Headers | undefined {
    return this.#responseTrailer;
  }

  /** Interceptors may have put others in the place of ours. */
  takeResponseHeaders(header: Headers, trailer: Headers): void {
    this.#responseHeader = header;
    this.#responseTrailer = trailer;
  }

  /** Undefined without a deadline. */
  timeLeftMs(): number | undefined {
    return this.deadlineMs === Number.POSITIVE_INFINITY
      ? undefined
      : Math.max(0, this.deadlineMs - this.core.clock.monotonicMs());
  }

  get ended(): boolean {
    return this.#answered;
  }

  /** The call has arrived, perhaps not yet all of it: it counts, and its time runs. */
  protected arrive(): void {
    this.core.inFlight += 1;
    this.core.wheel.add(this);
  }

  /** Its message is complete: it is refused, queued, or run at once. */
  start(): void {
    const { core, served } = this;
    if (core.authorization !== undefined && !core.authorization.allows(served.name, this.caller)) {
      this.#fail(core.authorization.refusal(served.name, this.caller), true);
      return;
    }
    const { admission } = core;
    if (admission === undefined || served.exempt) {
      this.#run();
      return;
    }
    this.priority = admission.priorityOf(served.name, this.caller);
    if (admission.tryEnter(this.priority, this.startedAtMs)) {
      this.#enteredAtMs = this.startedAtMs;
      this.#run();
    } else {
      this.#queued = true;
      admission.enqueue(this, this.startedAtMs);
    }
  }

  /** The call cannot be taken. */
  refuse(error: ConnectError): void {
    this.#fail(error, true);
  }

  /** The admission has room now. */
  admitted(nowMs: number): void {
    this.#queued = false;
    this.#enteredAtMs = nowMs;
    this.#run();
  }

  /** The admission has no room, and will have none in time. */
  refused(retryAfterMs: number, reason: RefusalReason): void {
    this.#queued = false;
    this.#fail(overloadedError(retryAfterMs, reason), true);
  }

  onDeadline(): void {
    this.#fail(
      withoutStack(() => new ConnectError("the deadline passed before the answer", Code.DeadlineExceeded)),
      false,
    );
  }

  /** Whoever called does not wait any more. */
  cancel(): void {
    this.#fail(
      withoutStack(() => new ConnectError("the caller gave up", Code.Canceled)),
      false,
    );
  }

  /** A call without a trace begins one. */
  protected beginTrace(): void {
    const { random } = this.core;
    this.trace0 = randomInt32(random);
    this.trace1 = randomInt32(random);
    this.trace2 = randomInt32(random);
    this.trace3 = randomInt32(random);
    this.span0 = randomInt32(random);
    this.span1 = randomInt32(random);
  }

  protected useTrace(ids: TraceIds): void {
    this.trace0 = ids.trace0;
    this.trace1 = ids.trace1;
    this.trace2 = ids.trace2;
    this.trace3 = ids.trace3;
    this.span0 = ids.span0;
    this.span1 = ids.span1;
    this.traceFlags = ids.traceFlags;
  }

  /** Adds what plain gRPC says in headers and a lane in fields of its own. */
  protected describeTransport(headers: Headers): Headers {
    headers.set("content-type", "application/grpc+proto");
    headers.set("traceparent", traceToHeader(this));
    headers.set("x-correlation-id", this.correlationId);
    const leftMs = this.timeLeftMs();
    if (leftMs !== undefined) {
      headers.set("grpc-timeout", `${Math.ceil(leftMs)}m`);
    }
    return headers;
  }

  #run(): void {
    if (this.served.gate === undefined) {
      this.pass();
    } else {
      runInFrame(this, runGate, this);
    }
  }

  /** The gate, where there is one, lets the call through. */
  pass(): void {
    try {
      const message = this.readMessage();
      this.served.validate?.(message);
      this.#message = message;
    } catch (error) {
      this.handlerFailed(error);
      return;
    }
    runInFrame(this, spansAreRecorded() ? runInSpan : runHandler, this);
  }

  /** Runs handler and interceptors, in the call's frame. */
  invoke(): unknown {
    const message = this.#message as Message;
    this.#message = undefined;
    return this.served.invoke(message, this);
  }

  /** The handler has returned: a message, or what one can be made of, which the codecs take as well. */
  handled(result: unknown): void {
    const nowMs = this.core.clock.monotonicMs();
    if (!this.#answered) {
      try {
        // A handler that has nothing to say returns nothing.
        this.sendAnswer((result ?? {}) as Encodable);
        this.#end(0, nowMs);
      } catch (error) {
        this.#fail(error, false);
      }
    }
    this.#leave("ok", nowMs);
  }

  /** The handler has thrown, or the message could not be read. */
  handlerFailed(error: unknown): void {
    this.#fail(error, false);
    this.#leave("ignored", this.core.clock.monotonicMs());
  }

  #leave(outcome: "ok" | "ignored", nowMs: number): void {
    const { admission } = this.core;
    if (admission !== undefined && !this.served.exempt) {
      const code = this.#endedBy?.code;
      const dropped = code === Code.DeadlineExceeded || code === Code.ResourceExhausted;
      admission.leave(this.priority, this.#enteredAtMs, nowMs, dropped ? "dropped" : outcome);
    }
  }

  #fail(error: unknown, unprocessed: boolean): void {
    if (this.#answered) {
      return;
    }
    const answer = asAnswer(error, this.correlationId);
    this.#endedBy = answer;
    if (this.#queued) {
      this.#queued = false;
      this.core.admission?.withdraw(this);
    }
    // Refusals come by the thousand when it matters, and are counted where they are made.
    if (!unprocessed) {
      logFailure(this.core.logger, this.served.name, answer, error);
    }
    try {
      this.sendError(answer, unprocessed);
    } catch (cause) {
      this.#failBadly(cause);
    }
    this.#end(this.#endedBy.code, this.core.clock.monotonicMs());
  }

  /** The error cannot be sent, for its details cannot be encoded or no header can hold its message: that much is said. */
  #failBadly(cause: unknown): void {
    this.core.logger.error({ method: this.served.name, err: cause }, "an error could not be sent");
    this.#endedBy = new ConnectError("internal error", Code.Internal, undefined, undefined, cause);
    this.sendError(this.#endedBy, false);
  }

  #end(code: number, nowMs: number): void {
    const { core, served } = this;
    this.#answered = true;
    core.inFlight -= 1;
    core.wheel.remove(this);
    const durationMs = nowMs - this.startedAtMs;
    served.recorder.record(code, durationMs, this);
    if (core.logsCalls) {
      const name = code === 0 ? "ok" : codeName(code);
      core.logger.debug(
        { method: served.name, code: name, durationMs: Math.round(durationMs * 1000) / 1000 },
        "call answered",
      );
    }
    this.#controller?.abort(this.#endedBy ?? answered);
    this.#children?.end(this.#endedBy);
  }
}

/** Why work that goes on after the answer is told to stop: one reason for all calls, as each error costs its stack. */
const answered = new DOMException("the call has been answered", "AbortError");

function runGate(call: ServerCall): void {
  const gated = async (): Promise<void> => call.served.gate?.(new HandlerView(call));
  gated().then(
    () => call.pass(),
    (error) => call.handlerFailed(error),
  );
}

function runHandler(call: ServerCall): void {
  let result: unknown;
  try {
    result = call.invoke();
  } catch (error) {
    call.handlerFailed(error);
    return;
  }
  if (result instanceof Promise) {
    result.then(
      (value) => call.handled(value),
      (error) => call.handlerFailed(error),
    );
  } else {
    call.handled(result);
  }
}

function runInSpan(call: ServerCall): void {
  inServerSpan(call.served.name, async () => call.invoke()).then(
    (value) => call.handled(value),
    (error) => call.handlerFailed(error),
  );
}
