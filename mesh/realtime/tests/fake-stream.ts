import type { FakeClock } from "@weft/mesh/testing";
import type { RequestLike, ResponseLike } from "../src/index.ts";
import { type ModelConnection, type ModelGateway, positionsOf } from "./model-gateway.ts";

/*
 * A stream of events between a client and the model of the gateway, in memory and on the fake clock, as FakeSocket is a
 * WebSocket: the request names the channels, answers are frames with ids from 1, and a sign of life comes every 15 s.
 */

const latencyMs = 1;
const beatMs = 15_000;

export class FakeStream {
  isOpen = false;
  isSilent = false;
  connection: ModelConnection | undefined;
  /** Of the request. */
  headers: Readonly<Record<string, string>> = {};
  url = new URL("http://nowhere.test");
  readonly #clock: FakeClock;
  readonly #gateway: ModelGateway;
  readonly #isRefused: () => boolean;
  readonly #chunks: string[] = [];
  #reader: ((chunk: { done: boolean; value?: Uint8Array }) => void) | undefined;
  #ended = false;
  #beat: { cancel(): void } | undefined;

  constructor(clock: FakeClock, gateway: ModelGateway, isRefused: () => boolean) {
    this.#clock = clock;
    this.#gateway = gateway;
    this.#isRefused = isRefused;
  }

  async open(url: string, { headers, signal }: RequestLike): Promise<ResponseLike> {
    this.url = new URL(url);
    this.headers = headers;
    signal.addEventListener("abort", () => this.end());
    await this.#clock.sleep(latencyMs);
    if (this.#isRefused() || signal.aborted) {
      throw new TypeError("fetch failed");
    }
    const credential = headers.authorization?.slice("Bearer ".length) ?? this.url.searchParams.get("ticket") ?? "";
    if (!this.#gateway.isValid(credential)) {
      const details = [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "TOKEN_INVALID" }];
      return answerOf(401, { code: "unauthenticated", message: "no", details });
    }
    this.isOpen = true;
    const connection = this.#gateway.open({
      send: (text) => this.#push(`data: ${text}\n\n`),
      close: (code, reason) => {
        this.#push(`event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`);
        this.#soon(() => this.end());
      },
    });
    this.connection = connection;
    connection.token = credential;
    this.#beats();
    const positions = positionsOf(headers["last-event-id"] ?? "");
    const channels = (this.url.searchParams.get("channels") ?? "").split(",");
    channels.forEach((channel, at) => {
      const [epoch = "none", offset = 0] = positions.get(channel) ?? [];
      connection.receive(JSON.stringify({ id: at + 1, subscribe: { channel, recover: { epoch, offset } } }));
    });
    return answerOf(200, undefined, { getReader: () => ({ read: () => this.#read() }) });
  }

  end(): void {
    if (!this.#ended) {
      this.#ended = true;
      this.isOpen = false;
      this.#beat?.cancel();
      this.connection?.closed();
      this.#give();
    }
  }

  #beats(): void {
    this.#push(":\n\n");
    this.#beat = this.#clock.setTimer(() => this.#beats(), beatMs);
  }

  #push(chunk: string): void {
    this.#soon(() => {
      this.#chunks.push(chunk);
      this.#give();
    });
  }

  #soon(run: () => void): void {
    this.#clock.setTimer(() => {
      if (!this.isSilent && !this.#ended) {
        run();
      }
    }, latencyMs);
  }

  #read(): Promise<{ done: boolean; value?: Uint8Array }> {
    return new Promise((resolve) => {
      this.#reader = resolve;
      this.#give();
    });
  }

  #give(): void {
    const reader = this.#reader;
    const chunk = this.#chunks.shift();
    if (reader === undefined || (chunk === undefined && !this.#ended)) {
      if (chunk !== undefined) {
        this.#chunks.unshift(chunk);
      }
      return;
    }
    this.#reader = undefined;
    reader(chunk === undefined ? { done: true } : { done: false, value: new TextEncoder().encode(chunk) });
  }
}

export function answerOf(status: number, json: unknown, body: ResponseLike["body"] = null): ResponseLike {
  const headers: Readonly<Record<string, string>> = {
    "content-type": body === null ? "application/json" : "text/event-stream",
  };
  return { status, headers: { get: (name) => headers[name] ?? null }, body, json: async () => json };
}
