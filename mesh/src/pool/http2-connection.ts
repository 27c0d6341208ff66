import { type ClientHttp2Session, connect } from "node:http2";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { Clock, Timer } from "../clock.ts";
import { MeshError } from "../errors.ts";
import type { Connection, ConnectionState, UnaryAnswer, UnaryCall } from "./connection.ts";
import { grpcUnary } from "./grpc-unary.ts";

/**
 * A connection that is one HTTP/2 session: unary calls and streams are gRPC, one HTTP/2 stream each.
 *
 * States: connecting → open → draining → closed. It drains when told to, or when the peer says GOAWAY; it closes when
 * drained, on a lost socket, or when a ping is not answered in time, which is how a peer that hangs (SIGSTOP, a pulled
 * cable) is noticed while no call is in flight. Every event of the session has a listener: an unhandled 'error' after
 * GOAWAY would end the process (connectrpc/connect-es#1768).
 */
export interface Http2ConnectionOptions {
  readonly id: number;
  /** "host:port". */
  readonly endpoint: string;
  readonly clock: Clock;
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

export class Http2Connection implements Connection {
  readonly id: number;
  readonly opened: Promise<void>;
  readonly streams: Transport;
  readonly #options: Http2ConnectionOptions;
  readonly #session: ClientHttp2Session;
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #state: ConnectionState = { kind: "connecting" };
  #inFlight = 0;
  #openStreams = 0;
  #timer: Timer | undefined;
  #failure: unknown;

  constructor(options: Http2ConnectionOptions) {
    this.#options = options;
    this.id = options.id;
    const url = `http://${options.endpoint}`;
    const session = connect(url, {
      settings: { initialWindowSize: streamWindowBytes, enablePush: false },
      maxSessionMemory: 64,
    });
    this.#session = session;
    this.streams = this.#streamTransport(url);
    this.opened = new Promise((resolve, reject) => {
      session.once("connect", () => {
        // A session that was destroyed while it connected still says that it has connected.
        if (session.destroyed) {
          return;
        }
        session.setLocalWindowSize(connectionWindowBytes);
        this.#become({ kind: "open", sinceMs: options.clock.monotonicMs() });
        this.#schedulePing();
        resolve();
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
    this.#timer = options.clock.setTimer(() => {
      this.#failure ??= new Error(`no connection within ${options.connectTimeoutMs ?? 2000} ms`);
      session.destroy();
    }, options.connectTimeoutMs ?? 2000);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get openStreams(): number {
    return this.#openStreams;
  }

  async unary(call: UnaryCall): Promise<UnaryAnswer> {
    this.#begin();
    try {
      return await grpcUnary(this.#session, this.#options.endpoint, call);
    } finally {
      this.#finish();
    }
  }

  drain(reason: string): void {
    if (this.#state.kind === "connecting") {
      this.destroy(reason);
      return;
    }
    if (this.#state.kind === "open") {
      this.#become({ kind: "draining", reason });
      this.#closeWhenIdle();
    }
  }

  destroy(reason: string): void {
    this.#failure ??= new Error(reason);
    this.#session.destroy();
  }

  onState(listener: (state: ConnectionState) => void): void {
    this.#listeners.add(listener);
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
    this.#timer = this.#options.clock.setTimer(() => {
      this.destroy(`no answer to a ping within ${this.#options.pingTimeoutMs ?? 2000} ms`);
    }, this.#options.pingTimeoutMs ?? 2000);
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
