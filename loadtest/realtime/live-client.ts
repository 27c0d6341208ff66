import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Dialect, dialects, type LiveContenderId } from "./dialects.ts";
import { clientFrame, FrameReader } from "./frame-reader.ts";

/** All sockets read into it: each chunk is dealt with before the next one comes. */
const shared = Buffer.allocUnsafeSlow(256 * 1024);
const greetWithinMs = 20_000;
/** A service that is asked for thousands of permissions at once may let some wait too long. */
const attempts = 10;
const retryAfterMs = 200;

export interface LiveClientOptions {
  readonly contender: LiveContenderId;
  readonly port: number;
  readonly token: string;
  readonly localAddress: string;
  /** Whether it reads its messages and sees that they are whole and in order. */
  readonly looks: boolean;
  /** With how many frames of messages have come since the count began. */
  readonly onFrame: (frames: number) => void;
  readonly onFault: (fault: string) => void;
}

class RefusedError extends Error {}

/** One connection of the load: a socket, and as little as can be on top of it. */
export class LiveClient {
  /** Of messages, since the count began. */
  frames = 0;
  readonly #options: LiveClientOptions;
  readonly #dialect: Dialect;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  /** Undefined once the server has answered the upgrade. */
  #answer: string | undefined = "";
  #awaited: { readonly text: string; readonly done: PromiseWithResolvers<void> } | undefined;
  #subscribed = false;
  #closing = false;
  #lastNumber: number | undefined;

  private constructor(options: LiveClientOptions) {
    const { contender, port, localAddress } = options;
    this.#options = options;
    this.#dialect = dialects[contender];
    this.#reader = new FrameReader({
      counted: () => this.#count(),
      looked: (payload) => this.#look(payload.toString()),
      pinged: (payload) => void this.#socket.write(clientFrame(payload, 10)),
      closed: (code, reason) => this.#fault(`a connection was closed with ${code} ${reason}`),
    });
    const onread = { buffer: shared, callback: (length: number) => this.#read(shared.subarray(0, length)) };
    this.#socket = connect({ host: "127.0.0.1", port, localAddress, onread });
    this.#socket.setNoDelay(true);
    this.#socket.on("error", (error) => this.#fault(`a connection failed: ${error.message}`));
    this.#socket.on("close", () => this.#fault("a connection was cut"));
  }

  /** Resolves when the server has greeted; rejects when it refuses. */
  static async open(options: LiveClientOptions): Promise<LiveClient> {
    const client = new LiveClient(options);
    const { greeting, path, subprotocol } = client.#dialect;
    const lines = [
      `GET ${path} HTTP/1.1`,
      "Host: 127.0.0.1",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
      ...(options.token === "" ? [] : [`Authorization: Bearer ${options.token}`]),
    ];
    client.#socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    await client.#hears(greeting?.welcome ?? "");
    return client;
  }

  /** Repeating it does nothing. Rejects when it is refused again and again. */
  async subscribe(channel: string): Promise<void> {
    for (let attempt = 1; !this.#subscribed; attempt += 1) {
      this.#socket.write(clientFrame(this.#dialect.subscribe(channel)));
      try {
        await this.#hears(this.#dialect.subscribed);
        this.#subscribed = true;
        this.#reader.looks = this.#options.looks;
      } catch (error) {
        if (!(error instanceof RefusedError) || attempt === attempts) {
          throw error;
        }
        await sleep(retryAfterMs * attempt);
      }
    }
  }

  beginCount(): void {
    this.frames = 0;
    this.#lastNumber = undefined;
  }

  close(): void {
    this.#closing = true;
    this.#socket.destroy();
  }

  #hears(text: string): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#awaited = { text, done };
    const timer = setTimeout(() => done.reject(new Error(`"${text}" was not heard in time`)), greetWithinMs);
    return done.promise.finally(() => {
      clearTimeout(timer);
      this.#awaited = undefined;
    });
  }

  #read(bytes: Buffer): boolean {
    try {
      if (this.#answer === undefined) {
        this.#reader.read(bytes);
      } else {
        this.#readAnswer(bytes);
      }
    } catch (error) {
      this.#fault(String(error));
      this.#socket.destroy();
    }
    return true;
  }

  #readAnswer(bytes: Buffer): void {
    const answer = this.#answer + bytes.toString("latin1");
    const end = answer.indexOf("\r\n\r\n");
    this.#answer = answer;
    if (end < 0) {
      return;
    }
    if (!answer.startsWith("HTTP/1.1 101 ")) {
      throw new Error(`the upgrade was refused: ${answer.slice(0, 300)}`);
    }
    this.#answer = undefined;
    if (this.#awaited?.text === "") {
      this.#awaited.done.resolve();
    }
    this.#reader.read(Buffer.from(answer.slice(end + 4), "latin1"));
  }

  #look(text: string): void {
    const { push, greeting, keepAlive, refused } = this.#dialect;
    if (text.startsWith(push)) {
      this.#check(text);
      this.#count();
    } else if (text === keepAlive?.asked) {
      this.#socket.write(clientFrame(keepAlive.answer));
    } else if (greeting !== undefined && text.startsWith(greeting.first)) {
      this.#socket.write(clientFrame(greeting.answer));
    } else if (this.#awaited !== undefined && text.startsWith(this.#awaited.text)) {
      this.#awaited.done.resolve();
    } else if (refused !== undefined && text.startsWith(refused)) {
      this.#awaited?.done.reject(new RefusedError(text));
    } else {
      this.#fault(`unexpected: ${text.slice(0, 200)}`);
    }
  }

  /** Every message of a frame follows the one before it. */
  #check(text: string): void {
    for (const [, digits] of text.matchAll(/"number":(\d+)/g)) {
      const number = Number(digits);
      if (this.#lastNumber !== undefined && number !== this.#lastNumber + 1) {
        this.#options.onFault(`message ${number} came after ${this.#lastNumber}`);
      }
      this.#lastNumber = number;
    }
  }

  #count(): void {
    this.frames += 1;
    this.#options.onFrame(this.frames);
  }

  #fault(fault: string): void {
    if (!this.#closing) {
      this.#awaited?.done.reject(new Error(fault));
      this.#options.onFault(fault);
    }
  }
}
