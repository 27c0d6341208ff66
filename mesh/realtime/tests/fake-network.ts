import type { FakeClock } from "@weft/mesh/testing";
import type { EventLike, FetchLike, WebSocketLike } from "../src/index.ts";
import { FakeStream } from "./fake-stream.ts";
import type { ModelConnection, ModelGateway } from "./model-gateway.ts";

/*
 * WebSockets between clients and a model of the gateway, in memory and on the fake clock: whatever is sent takes a
 * millisecond and keeps its order. Connections can be cut, and the network can fall silent, as under a computer that sleeps:
 * nothing arrives and nobody is told.
 */

const latencyMs = 1;

type Listener = (event: EventLike) => void;

export class FakeNetwork {
  readonly sockets: FakeSocket[] = [];
  readonly streams: FakeStream[] = [];
  /** Whether connections are refused. */
  isDown = false;
  /** Whether WebSockets are, but nothing else. */
  blocksWebSockets = false;
  readonly fetch: FetchLike;
  readonly WebSocket: new (
    url: string,
    protocols: string[],
  ) => WebSocketLike;

  constructor(clock: FakeClock, gateway: ModelGateway) {
    const network = this;
    this.WebSocket = class extends FakeSocket {
      constructor(_url: string, protocols: string[]) {
        super(clock, gateway, () => network.isDown || network.blocksWebSockets, protocols);
        network.sockets.push(this);
      }
    };
    this.fetch = (url, request) => {
      const stream = new FakeStream(clock, gateway, () => network.isDown);
      network.streams.push(stream);
      return stream.open(url, request);
    };
  }

  /** Connections that are open now. */
  get open(): FakeSocket[] {
    return this.sockets.filter((socket) => socket.isOpen);
  }

  get openStreams(): FakeStream[] {
    return this.streams.filter((stream) => stream.isOpen);
  }

  /** All connections end without a goodbye. */
  cut(): void {
    for (const socket of this.open) {
      socket.end(1006, "");
    }
    for (const stream of this.openStreams) {
      stream.end();
    }
  }

  /** All connections hang. */
  silence(): void {
    for (const socket of this.open) {
      socket.isSilent = true;
    }
    for (const stream of this.openStreams) {
      stream.isSilent = true;
    }
  }
}

class FakeSocket implements WebSocketLike {
  isOpen = false;
  isSilent = false;
  connection: ModelConnection | undefined;
  readonly #clock: FakeClock;
  readonly #listeners = new Map<string, Listener>();
  #ended = false;

  constructor(clock: FakeClock, gateway: ModelGateway, isRefused: () => boolean, protocols: string[]) {
    this.#clock = clock;
    this.#soon(() => {
      if (isRefused() || protocols[0] !== "weft.v1") {
        // As in Node 22, no close event follows.
        this.#tell("error", {});
        this.#ended = true;
        return;
      }
      this.isOpen = true;
      this.connection = gateway.open({
        send: (data) => this.#soon(() => this.#tell("message", { data })),
        close: (code, reason) => this.#soon(() => this.end(code, reason)),
      });
      this.#tell("open", {});
    });
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, listener);
  }

  send(frame: string | Uint8Array): void {
    this.#soon(() => this.isOpen && this.connection?.receive(String(frame)));
  }

  close(code = 1005, reason = ""): void {
    // The other side finds out some time, too.
    this.#clock.setTimer(() => this.end(code, reason), latencyMs);
  }

  end(code: number, reason: string): void {
    if (!this.#ended) {
      this.#ended = true;
      this.isOpen = false;
      this.connection?.closed();
      this.#tell("close", { code, reason });
    }
  }

  #soon(run: () => void): void {
    this.#clock.setTimer(() => {
      if (!this.isSilent) {
        run();
      }
    }, latencyMs);
  }

  #tell(type: string, event: object): void {
    if (type === "close" || !this.#ended) {
      this.#listeners.get(type)?.(event);
    }
  }
}
