import { connect, type Socket } from "node:net";

/*
 * One connection of a load: HTTP/1.1 on a raw socket, one request at a time. A client library, or autocannon, would cost more
 * than the fastest server that is measured with it; this costs as much as h2load does (measured on two processors: both
 * make a bare uWebSockets handler answer 55 000 requests a second). Every answer is compared with what it has to be.
 */

export interface HttpRequestText {
  readonly bytes: Buffer;
  /** The body of the right answer. */
  readonly answer: Buffer;
}

export function requestText(port: number, path: string, authorization: string, answer: string): HttpRequestText {
  const lines = [`GET ${path} HTTP/1.1`, `host: 127.0.0.1:${port}`, `authorization: ${authorization}`, "accept: */*"];
  return { bytes: Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), answer: Buffer.from(answer) };
}

const headEnd = Buffer.from("\r\n\r\n");
const okStart = "HTTP/1.1 200";
const contentLength = /\r\ncontent-length: *(\d+)/i;

export class HttpConnection {
  readonly #socket: Socket;
  readonly #onAnswer: (connection: HttpConnection, fault: string | undefined) => void;
  #asked: HttpRequestText | undefined;
  #received: Buffer | undefined;

  private constructor(socket: Socket, onAnswer: (connection: HttpConnection, fault: string | undefined) => void) {
    this.#socket = socket;
    this.#onAnswer = onAnswer;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => this.#ended("the connection was closed"));
  }

  /** `onAnswer` hears of each answer, and of what is wrong with it. A connection that was closed fails every request. */
  static open(
    port: number,
    onAnswer: (connection: HttpConnection, fault: string | undefined) => void,
  ): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port, noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new HttpConnection(socket, onAnswer));
      });
    });
  }

  send(request: HttpRequestText): void {
    this.#asked = request;
    if (this.#socket.destroyed) {
      setImmediate(() => this.#ended("the connection was closed"));
    } else {
      this.#socket.write(request.bytes);
    }
  }

  close(): void {
    this.#asked = undefined;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const all = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk]);
    const head = all.indexOf(headEnd);
    const text = head < 0 ? "" : all.toString("latin1", 0, head);
    const length = Number(contentLength.exec(text)?.[1] ?? Number.NaN);
    const start = head + headEnd.length;
    if (head < 0 || all.length < start + length) {
      this.#received = all;
      return;
    }
    this.#received = undefined;
    const expected = this.#asked?.answer;
    if (!text.startsWith(okStart)) {
      this.#ended(`answered with ${text.slice(0, text.indexOf("\r\n"))} ${all.toString("utf8", start)}`);
    } else if (expected === undefined || !expected.equals(all.subarray(start))) {
      this.#ended(`answered with ${all.toString("utf8", start)} instead of ${expected?.toString() ?? "nothing"}`);
    } else {
      this.#ended(undefined);
    }
  }

  #ended(fault: string | undefined): void {
    if (this.#asked !== undefined) {
      this.#asked = undefined;
      this.#onAnswer(this, fault);
    }
  }
}
