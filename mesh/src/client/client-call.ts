import type { Message } from "@bufbuild/protobuf";
import { blame } from "../breaker/blame.ts";
import type { ChildCall, ChildCalls } from "../child-calls.ts";
import { DeadlineEntry } from "../deadline-wheel.ts";
import { MeshError } from "../errors.ts";
import type { MetadataList } from "../lane/metadata.ts";
import type { OutgoingCall } from "../pool/connection.ts";
import type { PooledConnection, PoolWaiter } from "../pool/pool.ts";
import { randomInt32, type TraceIds } from "../trace-context.ts";
import type { CallCore } from "./call-core.ts";
import { endOf, retryHintMs } from "./client-error.ts";
import type { ClientMethod } from "./client-method.ts";
import type { Endpoint } from "./endpoint.ts";
import { mayHedge } from "./hedging.ts";
import { mayRetry } from "./retry.ts";

/**
 * One unary call of a peer, from the caller's request to its answer, over as many attempts as that takes.
 *
 *   picking ──▶ waiting for a connection ──▶ sent ──▶ settled
 *      ▲                 │                     │
 *      └── retry, after a pause when no other instance is left ◀┘
 *
 * It is the pool's waiter, the lane's pending entry and the wheel's deadline at once, so that a call costs one object and
 * one promise. Attempts share its deadline, its trace and its message. Whatever settles it first wins; a deadline or a
 * cancellation takes it out of wherever it is.
 */
export class ClientCall extends DeadlineEntry implements OutgoingCall, PoolWaiter, ChildCall {
  readonly core: CallCore;
  readonly method: ClientMethod;
  readonly message: Message;
  readonly metadata: MetadataList | undefined;
  readonly startedAtMs: number;
  sentAtMs = 0;
  laneCallId = -1;
  laneBatch = 0;
  poolSeat = -1;
  trace0 = 0;
  trace1 = 0;
  trace2 = 0;
  trace3 = 0;
  span0 = 0;
  span1 = 0;
  traceFlags = 0;
  nextSibling: ChildCall | undefined = undefined;
  previousSibling: ChildCall | undefined = undefined;
  /** What came with the answer besides the message. */
  headers: MetadataList | undefined = undefined;
  trailers: MetadataList | undefined = undefined;
  #resolve: (message: Message) => void = nothing;
  #reject: (error: unknown) => void = nothing;
  #endpoint: Endpoint | undefined = undefined;
  #slot: PooledConnection | undefined = undefined;
  #waiting = false;
  #settled = false;
  #givenUp = false;
  #attempt = 0;
  #failed: Endpoint[] | undefined = undefined;
  /** A second copy of the call, or the call whose copy this is. */
  #copy: ClientCall | undefined = undefined;
  #original: ClientCall | undefined = undefined;
  #hedgeTimer: HedgeTimer | undefined = undefined;
  /** Its own end, while the copy may still succeed. */
  #heldBack: { readonly error: unknown } | undefined = undefined;
  #siblings: ChildCalls | undefined = undefined;
  #onSettled: (() => void) | undefined = undefined;

  /** `timeoutMs` is Infinity for none. */
  constructor(
    core: CallCore,
    method: ClientMethod,
    message: Message,
    metadata: MetadataList | undefined,
    startedAtMs: number,
    timeoutMs: number,
    trace: TraceIds | undefined,
  ) {
    super();
    this.core = core;
    this.method = method;
    this.message = message;
    this.metadata = metadata;
    this.startedAtMs = startedAtMs;
    this.deadlineMs = startedAtMs + timeoutMs;
    const { random } = core;
    if (trace === undefined) {
      this.trace0 = randomInt32(random);
      this.trace1 = randomInt32(random);
      this.trace2 = randomInt32(random);
      this.trace3 = randomInt32(random);
    } else {
      this.trace0 = trace.trace0;
      this.trace1 = trace.trace1;
      this.trace2 = trace.trace2;
      this.trace3 = trace.trace3;
      this.traceFlags = trace.traceFlags;
    }
    this.span0 = randomInt32(random);
    this.span1 = randomInt32(random);
  }

  /** Makes the first attempt. Resolves with the answer; rejects with a ConnectError. */
  run(): Promise<Message> {
    const answer = new Promise<Message>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { core } = this;
    if (this.deadlineMs <= this.startedAtMs) {
      this.#fail(new MeshError("DEADLINE_EXCEEDED", "before the call was sent"), this.startedAtMs);
      return answer;
    }
    core.wheel.add(this);
    core.retryBudget.deposit(this.startedAtMs);
    this.#try(this.startedAtMs);
    if (this.method.hedging !== undefined && !this.#settled) {
      this.#planHedge(this.startedAtMs);
    }
    return answer;
  }

  /** Fails without an attempt: whoever would wait for the answer has gone. */
  decline(reason: unknown): Promise<Message> {
    const error = this.core.asConnectError(endOf(reason), this.method.name);
    this.#settled = true;
    this.method.recorder.record(error.code, 0, this);
    return Promise.reject(error);
  }

  /** Ends with the call that it is made for. */
  attachTo(children: ChildCalls): void {
    if (!this.#settled) {
      this.#siblings = children;
      children.add(this);
    }
  }

  /** Ends with the signal. */
  follow(signal: AbortSignal): void {
    if (this.#settled) {
      return;
    }
    if (signal.aborted) {
      this.abort(signal.reason);
      return;
    }
    const onAbort = (): void => this.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const before = this.#onSettled;
    this.#onSettled = () => {
      before?.();
      signal.removeEventListener("abort", onAbort);
    };
  }

  /** Nobody waits any more. */
  abort(reason: unknown): void {
    if (!this.#settled) {
      this.#givenUp = true;
      const nowMs = this.core.clock.monotonicMs();
      this.#withdraw(endOf(reason), nowMs);
      this.#fail(endOf(reason), nowMs);
    }
  }

  onDeadline(nowMs: number): void {
    const allowedMs = Math.round(this.deadlineMs - this.startedAtMs);
    const error = new MeshError("DEADLINE_EXCEEDED", `${allowedMs} ms`, { sent: true });
    this.#withdraw(error, nowMs);
    this.#fail(error, nowMs);
  }

  onConnection(slot: PooledConnection): void {
    this.#waiting = false;
    this.#send(slot, this.core.clock.monotonicMs());
  }

  onNoConnection(error: MeshError): void {
    this.#waiting = false;
    const nowMs = this.core.clock.monotonicMs();
    this.#ended(error, nowMs);
    this.#retryOrFail(error, nowMs);
  }

  onAnswer(
    message: Message,
    headers: MetadataList | undefined,
    trailers: MetadataList | undefined,
    nowMs: number,
  ): void {
    const { core, method } = this;
    const endpoint = this.#endpoint as Endpoint;
    endpoint.pool.release(this.#slot as PooledConnection);
    core.peer.ended(endpoint, method.group, "success", nowMs - this.sentAtMs, nowMs);
    this.#endpoint = undefined;
    this.#slot = undefined;
    core.attempts.ok += 1;
    this.headers = headers;
    this.trailers = trailers;
    if (this.#original === undefined) {
      method.hedging?.observe(nowMs - this.startedAtMs);
      this.#succeed(message, nowMs);
    } else {
      this.#settled = true;
      core.wheel.remove(this);
      this.#original.#answeredByCopy(this, message, nowMs);
    }
  }

  #succeed(message: Message, nowMs: number): void {
    this.#settled = true;
    this.core.wheel.remove(this);
    this.method.recorder.record(0, nowMs - this.startedAtMs, this);
    this.#detach();
    this.#resolve(message);
  }

  onFailure(error: Error, nowMs: number): void {
    this.#giveBack(error, nowMs);
    this.#ended(error, nowMs);
    this.#retryOrFail(error, nowMs);
  }

  #try(nowMs: number): void {
    const { core, method } = this;
    this.#attempt += 1;
    // Of this attempt, even if it is never sent: what is learnt of its instance is counted from here.
    this.sentAtMs = nowMs;
    try {
      const endpoint = core.peer.pick(method.group, this.#failed, nowMs);
      this.#endpoint = endpoint;
      const slot = endpoint.pool.tryAcquire(nowMs);
      if (slot === undefined) {
        this.#waiting = true;
        endpoint.pool.enqueue(this, nowMs);
      } else {
        this.#send(slot, nowMs);
      }
    } catch (error) {
      this.#waiting = false;
      if (this.#endpoint !== undefined) {
        this.#ended(error, nowMs);
      }
      this.#retryOrFail(error, nowMs);
    }
  }

  #send(slot: PooledConnection, nowMs: number): void {
    this.#slot = slot;
    this.sentAtMs = nowMs;
    try {
      slot.connection.send(this);
    } catch (error) {
      this.onFailure(error as Error, nowMs);
    }
  }

  /** Gives the connection back; one on which calls go without an answer is replaced (POOL-11). */
  #giveBack(error: unknown, nowMs: number): void {
    const slot = this.#slot;
    const pool = this.#endpoint?.pool;
    this.#slot = undefined;
    if (slot !== undefined && pool !== undefined) {
      if (blame(error, this.deadlineMs - this.startedAtMs) === "failure") {
        pool.releaseUnanswered(slot, nowMs);
      } else {
        pool.release(slot);
      }
    }
  }

  /** The attempt is over: its instance is told what became of it. */
  #ended(error: unknown, nowMs: number): void {
    const endpoint = this.#endpoint as Endpoint;
    this.#endpoint = undefined;
    this.#failed ??= [];
    this.#failed.push(endpoint);
    const outcome = blame(error, this.deadlineMs - this.startedAtMs);
    this.core.peer.ended(endpoint, this.method.group, outcome, nowMs - this.sentAtMs, nowMs);
  }

  /** Takes the attempt out of wherever it is. */
  #withdraw(error: MeshError, nowMs: number): void {
    const endpoint = this.#endpoint;
    if (endpoint === undefined) {
      return;
    }
    if (this.#waiting) {
      this.#waiting = false;
      endpoint.pool.leave(this);
    } else if (this.#slot !== undefined) {
      this.#slot.connection.cancel(this);
      this.#giveBack(error, nowMs);
    }
    this.#ended(error, nowMs);
  }

  #retryOrFail(error: unknown, nowMs: number): void {
    const { core } = this;
    if (this.#settled) {
      return;
    }
    const again = mayRetry(error, this.method.desc, this.#attempt, core.retry);
    const pauseMs = again ? this.#pauseMs(error, nowMs) : 0;
    // Where no time is left for another attempt, the caller learns why while it has time.
    if (!again || nowMs + pauseMs >= this.deadlineMs) {
      core.attempts.failed += 1;
      this.#fail(error, nowMs);
      return;
    }
    if (!core.retryBudget.tryWithdraw(nowMs)) {
      core.attempts.budgetExhausted += 1;
      this.#fail(error, nowMs);
      return;
    }
    core.attempts.retried += 1;
    if (pauseMs === 0) {
      this.#try(nowMs);
    } else {
      this.#tryLater(pauseMs);
    }
  }

  /**
   * How long to wait before the next attempt: not at all while another instance is left. Else a pause that grows, so that one
   * that is just restarting is met again; one that refused the call for want of room has said itself when to come back.
   */
  #pauseMs(error: unknown, nowMs: number): number {
    const { peer, random } = this.core;
    if (peer.hasOther(this.method.group, this.#failed ?? [], nowMs)) {
      return 0;
    }
    const ceilingMs = 25 * 2 ** (this.#attempt - 1);
    return Math.max(ceilingMs * (0.5 + random.next() / 2), retryHintMs(error));
  }

  #tryLater(pauseMs: number): void {
    const { clock } = this.core;
    clock.setTimer(
      () => {
        if (!this.#settled) {
          this.#try(clock.monotonicMs());
        }
      },
      pauseMs,
      { ref: true },
    );
  }

  #fail(error: unknown, nowMs: number): void {
    if (this.#settled) {
      return;
    }
    if (this.#copy !== undefined && nowMs < this.deadlineMs && !this.#givenUp) {
      this.#heldBack = { error };
      return;
    }
    this.#settled = true;
    this.core.wheel.remove(this);
    if (this.#original !== undefined) {
      this.#original.#copyFailed(nowMs);
      return;
    }
    const answer = this.core.asConnectError(error, this.method.name);
    this.method.recorder.record(answer.code, nowMs - this.startedAtMs, this);
    this.#detach();
    this.#reject(answer);
  }

  #detach(): void {
    this.#siblings?.remove(this);
    this.#onSettled?.();
    if (this.#hedgeTimer !== undefined) {
      this.core.wheel.remove(this.#hedgeTimer);
      this.#dropCopy();
    }
  }

  #planHedge(nowMs: number): void {
    const delayMs = this.method.hedging?.delayMs(this.deadlineMs - nowMs) ?? Number.POSITIVE_INFINITY;
    if (delayMs !== Number.POSITIVE_INFINITY) {
      this.#hedgeTimer = new HedgeTimer(this, nowMs + delayMs);
      this.core.wheel.add(this.#hedgeTimer);
    }
  }

  /** The usual time for an answer is over: a copy goes to another instance. */
  hedge(nowMs: number): void {
    const { core, method } = this;
    const endpoint = this.#endpoint;
    const others = endpoint !== undefined && core.peer.hasOther(method.group, [endpoint], nowMs);
    if (this.#settled || endpoint === undefined || !mayHedge(this.#attempt, others)) {
      return;
    }
    if (!core.retryBudget.tryWithdrawHedge(nowMs)) {
      return;
    }
    core.attempts.hedged += 1;
    const copy = new ClientCall(core, method, this.message, this.metadata, nowMs, this.deadlineMs - nowMs, this);
    // One call is one span, whatever its copies.
    copy.span0 = this.span0;
    copy.span1 = this.span1;
    copy.#original = this;
    copy.#failed = [endpoint];
    // One attempt: whoever asks twice already does not ask a third time.
    copy.#attempt = core.retry.maxAttempts - 1;
    this.#copy = copy;
    core.wheel.add(copy);
    copy.#try(nowMs);
  }

  #answeredByCopy(copy: ClientCall, message: Message, nowMs: number): void {
    this.#copy = undefined;
    if (!this.#settled) {
      this.headers = copy.headers;
      this.trailers = copy.trailers;
      this.method.hedging?.observe(nowMs - this.startedAtMs);
      this.#withdraw(new MeshError("CANCELED", "another copy was answered first", { sent: true }), nowMs);
      this.#succeed(message, nowMs);
    }
  }

  #copyFailed(nowMs: number): void {
    this.#copy = undefined;
    if (this.#heldBack !== undefined) {
      this.#fail(this.#heldBack.error, nowMs);
    }
  }

  #dropCopy(): void {
    const copy = this.#copy;
    this.#copy = undefined;
    if (copy !== undefined && !copy.#settled) {
      copy.#settled = true;
      const nowMs = this.core.clock.monotonicMs();
      copy.#withdraw(new MeshError("CANCELED", "the call has been answered", { sent: true }), nowMs);
      this.core.wheel.remove(copy);
    }
  }
}

/** Asks for a copy of a call when its time has come. */
class HedgeTimer extends DeadlineEntry {
  readonly #call: ClientCall;

  constructor(call: ClientCall, atMs: number) {
    super();
    this.#call = call;
    this.deadlineMs = atMs;
  }

  onDeadline(nowMs: number): void {
    this.#call.hedge(nowMs);
  }
}

function nothing(): void {
  // Replaced before anything can settle the call.
}
