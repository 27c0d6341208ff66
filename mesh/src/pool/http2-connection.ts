import { type ClientHttp2Session, connect } from "node:http2";
import { create, type Message } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { FetchResponse } from "@weft/proto/weft/lane/v1/lane_service_pb.ts";
import { FetchRequestSchema, LaneService } from "@weft/proto/weft/lane/v1/lane_service_pb.ts";
import { setAwakeTimer } from "../awake-timer.ts";
import type { Clock, Timer } from "../clock.ts";
import { MeshError } from "../errors.ts";
import { type DialAs, dialSocket } from "../identity/dial.ts";
import { ClientLane } from "../lane/client-lane.ts";
import type { LaneCounters } from "../lane/lane-counters.ts";
import { headersFrom, listFrom, type MetadataList } from "../lane/metadata.ts";
import { traceToHeader } from "../trace-context.ts";
import type { Connection, ConnectionState, OutgoingCall } from "./connection.ts";
import { grpcUnary, type UnaryAnswer } from "./grpc-unary.ts";

/**
 * A connection that is one HTTP/2 session. Unary calls go over its lane; streaming calls, messages too large for a lane,
 * and all calls of a peer without lanes, take a gRPC stream each.
 *
 * States: connecting → open → draining → closed. It is open when the peer has said whether it speaks lanes; one that says
 * nothing for a quarter of a second is called by plain gRPC until it does. It drains when told to, when the peer says
 * GOAWAY or asks for it on the lane, or when the lane breaks; it closes when drained, on a lost socket, or when a ping is
 * not answered in time, which is how a peer that hangs (SIGSTOP, a pulled cable) is noticed while no call is in flight.
 * Every event of the session has a listener: an unhandled 'error' after GOAWAY would end the process
 * (connectrpc/connect-es#1768).
 */
export interface Http2ConnectionOptions {
  readonly id: number;
  /** "host:port". */
  readonly endpoint: string;
  readonly clock: Clock;
  /** Over TLS, as whom and to whom; in plain text when absent. */
  readonly dialAs?: DialAs | undefined;
  readonly laneCounters: LaneCounters;
  /** A unary call was sent as plain gRPC because the peer has no lane. */
  readonly onFallback?: () => void;
  /** Dialling is given up after this; 2 s when absent, an age on any network that peers share. */
  readonly connectTimeoutMs?: number;
  /** Pause between pings; 5 s when absent. */
  readonly pingIntervalMs?: number;
  /** A ping unanswered for this long ends the connection; 2 s when absent. */
  readonly pingTimeoutMs?: number;
}

/** Node's 64 KiB windows cost a round trip per 64 KiB of payload; 1 MiB and 8 MiB let large answers through at once. */
const streamWindowBytes = 1024 * 1024;
const connectionWindowBytes = 8 * 1024 * 1024;
/** Streams at once on a connection whose peer names no limit: what HTTP/2 servers commonly allow. */
const assumedStreamLimit = 100;
/** A peer that speaks lanes says so within a round trip. */
const laneAnswerMs = 250;

export class Http2Connection implements Connection {
  readonly id: number;
  readonly opened: Promise<void>;
  readonly streams: Transport;
  readonly #options: Http2ConnectionOptions;
  readonly #session: ClientHttp2Session;
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #state: ConnectionState = { kind: "connecting" };
  #lane: ClientLane | undefined;
  #laneOpen = false;
  #streamLimit = assumedStreamLimit;
  /** Calls that have a stream of their own, with what cancels them. */
  readonly #plain = new Map<OutgoingCall, AbortController>();
  #inFlight = 0;
  #openStreams = 0;
  #timer: Timer | undefined;
  #failure: unknown;

  constructor(options: Http2ConnectionOptions) {
    this.#options = options;
    this.id = options.id;
    const { url, options: dial } = dialSocket(options.endpoint, options.dialAs);
    const session = connect(url, {
      settings: { initialWindowSize: streamWindowBytes, enablePush: false },
      maxSessionMemory: 64,
      ...dial,
    });
    this.#session = session;
    this.streams = this.#streamTransport(url);
    this.opened = new Promise((resolve, reject) => {
      // Not 'connect', which comes with the TCP connection: the kernel accepts for a process that hangs, and over TLS a peer
      // may refuse us after it. Its settings say that somebody is there and takes us.
      session.once("remoteSettings", () => {
        // A session that was destroyed while it connected still says that it has connected, and so does one whose peer took
        // it only to send it away: streams can be opened on neither.
        if (session.destroyed || session.closed) {
          return;
        }
        session.setLocalWindowSize(connectionWindowBytes);
        // Beyond it nghttp2 would hold calls back without a word; the lane's own stream is one of them.
        this.#streamLimit = Math.max(1, (session.remoteSettings.maxConcurrentStreams ?? assumedStreamLimit) - 1);
        this.#openLane(() => {
          if (this.#state.kind === "connecting") {
            this.#become({ kind: "open", sinceMs: options.clock.monotonicMs() });
            this.#schedulePing();
            resolve();
          }
        });
      });
      session.once("close", () => {
        this.#timer?.cancel();
        this.#become({ kind: "closed", reason: this.#closeReason() });
        reject(
          new MeshError("CONNECT_FAILED", `${options.endpoint}: ${this.#closeReason()}`, { cause: this.#failure }),
        );
      });
    });
    // Nobody may be waiting for it; whoever does sees the rejection all the same.
    this.opened.catch(() => undefined);
    session.on("error", (error) => {
      this.#failure ??= error;
    });
    session.on("frameError", (_type, code) => {
      this.#failure ??= new Error(`HTTP/2 frame error ${code}`);
    });
    session.on("goaway", (code) => this.drain(`GOAWAY ${code}`));
    session.unref();
    const connectTimeoutMs = options.connectTimeoutMs ?? 2000;
    this.#timer = setAwakeTimer(
      options.clock,
      () => {
        this.#failure ??= new Error(`no connection within ${connectTimeoutMs} ms`);
        session.destroy();
      },
      connectTimeoutMs,
    );
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get openStreams(): number {
    return this.#openStreams;
  }

  get callLimit(): number {
    return this.#laneOpen ? (this.#lane as ClientLane).maxInFlight : this.#streamLimit;
  }

  send(call: OutgoingCall): void {
    if (!this.#laneOpen) {
      this.#options.onFallback?.();
      this.#sendPlain(call);
    } else if (!(this.#lane as ClientLane).send(call)) {
      this.#sendPlain(call);
    }
  }

  cancel(call: OutgoingCall): void {
    const plain = this.#plain.get(call);
    if (plain === undefined) {
      this.#lane?.cancel(call);
    } else {
      this.#plain.delete(call);
      plain.abort();
    }
  }

  drain(reason: string): void {
    if (this.#state.kind === "connecting") {
      this.destroy(reason);
      return;
    }
    if (this.#state.kind === "open") {
      this.#become({ kind: "draining", reason });
      // Node has closed the session by itself when GOAWAY brought us here; it waits for the lane, which ends when told.
      this.#lane?.drain();
      this.#closeWhenIdle();
    }
  }

  destroy(reason: string): void {
    const error = new Error(reason);
    this.#failure ??= error;
    // With the error, so that an answer that is cut off half way is not taken for a malformed one.
    this.#session.destroy(error);
  }

  onState(listener: (state: ConnectionState) => void): void {
    this.#listeners.add(listener);
  }

  #openLane(settled: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(settled, laneAnswerMs);
    this.#lane = new ClientLane({
      session: this.#session,
      authority: this.#options.endpoint,
      counters: this.#options.laneCounters,
      monotonicMs: () => this.#options.clock.monotonicMs(),
      onOpen: () => {
        this.#laneOpen = true;
        settled();
      },
      onUnsupported: settled,
      onDraining: () => this.drain("the peer drains"),
      onBusy: () => this.#begin(),
      onIdle: () => this.#finish(),
      onRefused: (call) => this.#sendPlain(call),
      onParcel: (call, parcelId, headers, trailers) => this.#fetch(call, parcelId, headers, trailers),
      onClosed: (reason) => {
        if (this.#laneOpen) {
          this.#laneOpen = false;
          this.drain(reason);
        } else if (!this.#session.destroyed) {
          settled();
        }
      },
    });
  }

  #sendPlain(call: OutgoingCall): void {
    const header = headersFrom(call.metadata);
    header.set("traceparent", traceToHeader(call));
    this.#plainCall(
      call,
      (signal) =>
        grpcUnary(this.#session, this.#options.endpoint, {
          method: call.method.desc,
          header,
          message: call.message,
          timeoutMs: call.deadlineMs === Number.POSITIVE_INFINITY ? undefined : call.deadlineMs - call.sentAtMs,
          signal,
        }),
      (answer) => this.#answered(call, answer.message, listFrom(answer.header), listFrom(answer.trailer)),
    );
  }

  /** Gets an answer that was too large for the lane. */
  #fetch(
    call: OutgoingCall,
    parcelId: bigint,
    headers: MetadataList | undefined,
    trailers: MetadataList | undefined,
  ): void {
    this.#plainCall(
      call,
      (signal) => this.#fetched(call, parcelId, signal),
      (message) => this.#answered(call, message, headers, trailers),
    );
  }

  /** Whatever goes wrong here, the call has been processed. */
  async #fetched(call: OutgoingCall, parcelId: bigint, signal: AbortSignal): Promise<Message> {
    let parcel: UnaryAnswer;
    try {
      parcel = await grpcUnary(this.#session, this.#options.endpoint, {
        method: LaneService.method.fetch,
        header: new Headers(),
        message: create(FetchRequestSchema, { parcelId }),
        timeoutMs: undefined,
        signal,
      });
    } catch (cause) {
      const code = cause instanceof MeshError ? cause.meshCode : "CONNECTION_LOST";
      throw new MeshError(code, `an answer of ${call.method.name} could not be fetched`, { cause, sent: true });
    }
    const { message } = parcel.message as FetchResponse;
    try {
      return call.method.response.decode(message, 0, message.length);
    } catch (cause) {
      const what = `${call.method.name} was answered with something that cannot be decoded`;
      throw new MeshError("PROTOCOL_ERROR", what, { cause, sent: true });
    }
  }

  #answered(
    call: OutgoingCall,
    message: Message,
    headers: MetadataList | undefined,
    trailers: MetadataList | undefined,
  ): void {
    call.onAnswer(message, headers, trailers, this.#options.clock.monotonicMs());
  }

  /** Runs a call on a stream of its own; one that was cancelled meanwhile is told nothing. */
  #plainCall<T>(call: OutgoingCall, start: (signal: AbortSignal) => Promise<T>, answered: (answer: T) => void): void {
    const controller = new AbortController();
    this.#plain.set(call, controller);
    this.#begin();
    start(controller.signal)
      .then(
        (answer) => {
          if (this.#plain.delete(call)) {
            answered(answer);
          }
        },
        (error: unknown) => {
          if (this.#plain.delete(call)) {
            call.onFailure(error as Error, this.#options.clock.monotonicMs());
          }
        },
      )
      .finally(() => this.#finish());
  }

  #begin(): void {
    this.#inFlight += 1;
    if (this.#inFlight === 1) {
      this.#session.ref();
    }
  }

  #finish(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) {
      // An idle connection must not keep a finished process alive.
      this.#session.unref();
      this.#closeWhenIdle();
    }
  }

  #closeWhenIdle(): void {
    if (this.#state.kind === "draining" && this.#inFlight === 0 && !this.#session.closed) {
      this.#session.close();
    }
  }

  #streamTransport(url: string): Transport {
    return createGrpcTransport({
      baseUrl: url,
      sessionManager: {
        authority: url,
        request: async (method, path, headers, options) => {
          if (this.#state.kind !== "open" || this.#session.closed) {
            throw new MeshError("CONNECTION_LOST", this.#closeReason());
          }
          const stream = this.#session.request({ ...headers, ":method": method, ":path": path }, options);
          this.#begin();
          this.#openStreams += 1;
          stream.once("close", () => {
            this.#openStreams -= 1;
            this.#finish();
          });
          return stream;
        },
        notifyResponseByteRead: () => undefined,
      },
    });
  }

  #schedulePing(): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(() => this.#ping(), this.#options.pingIntervalMs ?? 5000);
  }

  #ping(): void {
    if (this.#session.destroyed) {
      return;
    }
    // Also while it drains: calls that are left must not wait for a peer that hangs.
    const { clock, pingTimeoutMs = 2000 } = this.#options;
    this.#timer = setAwakeTimer(
      clock,
      () => this.destroy(`no answer to a ping within ${pingTimeoutMs} ms`),
      pingTimeoutMs,
    );
    this.#session.ping((error) => {
      if (error === null) {
        this.#schedulePing();
      }
    });
  }

  #closeReason(): string {
    if (this.#failure instanceof Error) {
      return this.#failure.message === "" ? this.#failure.name : this.#failure.message;
    }
    return this.#state.kind === "draining" ? this.#state.reason : "closed by the peer";
  }

  #become(state: ConnectionState): void {
    if (this.#state.kind === "closed" || this.#state.kind === state.kind) {
      return;
    }
    this.#state = state;
    if (state.kind === "draining" || state.kind === "closed") {
      for (const listener of this.#listeners) {
        listener(state);
      }
    }
  }
}
