import { once } from "node:events";
import { type ClientHttp2Session, connect, createServer, type Http2Session, type Http2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Answer, ServedAnswer } from "../workload.ts";
import type { Contender, Handler } from "./contender.ts";
import { answerBound, readAnswer, readRequest, requestBound, writeAnswer, writeRequest } from "./hand-codec.ts";

/*
 * The ceiling: what a call costs in Node when there is nothing in it but the call. Frames of (length, call id, message) over
 * one HTTP/2 stream that stays open, one write per turn of the event loop, a codec written for these two messages, one
 * promise per call out of a table of pending ones. No metadata, deadline, error, metric, balancer, or bound on anything:
 * nobody could use it, and it says how much of the machine a mesh leaves to its user.
 *
 * A frame is eight bytes, the length of the message and the call id, both little-endian, and the message.
 */

const headerBytes = 8;
const slabBytes = 256 * 1024;
const windowBytes = 16 * 1024 * 1024;
const settings = { initialWindowSize: windowBytes, maxFrameSize: 1024 * 1024 };

export const bareFraming: Contender = {
  id: "bare-framing",
  label: "bare framing",
  note: "length-prefixed frames over one HTTP/2 stream, hand-written codec, nothing else: the ceiling",

  async serve(handler) {
    const server = createServer({ settings });
    server.on("session", widen);
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200 });
      answerFrames(stream, handler);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { port: (server.address() as AddressInfo).port };
  },

  async connect(port) {
    const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`, { settings });
    await once(session, "connect");
    widen(session);
    const stream = session.request({ ":method": "POST", ":path": "/frames" }, { endStream: false });
    await once(stream, "response");
    const caller = new Caller(stream);
    return { validate: (token) => caller.call(token) };
  },
};

function widen(session: Http2Session): void {
  session.setLocalWindowSize(windowBytes);
}

function answerFrames(stream: Http2Stream, handler: Handler): void {
  const writer = new FrameWriter(stream);
  const answer = (id: number, value: ServedAnswer): void => {
    const start = writer.reserve(answerBound(value));
    writer.commit(id, start, writeAnswer(writer.bytes, start, value));
  };
  readFrames(stream, (id, bytes, start, end) => {
    const value = handler(readRequest(bytes, start, end));
    if (value instanceof Promise) {
      void value.then((late) => answer(id, late));
    } else {
      answer(id, value);
    }
  });
}

/** The client's half: a table of pending calls, whose places are used again. */
class Caller {
  readonly #writer: FrameWriter;
  readonly #resolvers: ((answer: Answer) => void)[] = [];
  readonly #rejecters: ((error: Error) => void)[] = [];
  readonly #free: number[] = [];
  #next = 0;
  /** One function for all promises; it puts its arguments where `#next` says. */
  readonly #executor = (resolve: (answer: Answer) => void, reject: (error: Error) => void): void => {
    this.#resolvers[this.#next] = resolve;
    this.#rejecters[this.#next] = reject;
  };

  constructor(stream: Http2Stream) {
    this.#writer = new FrameWriter(stream);
    readFrames(stream, (id, bytes, start, end) => {
      this.#free.push(id);
      this.#resolvers[id]?.(readAnswer(bytes, start, end));
    });
    stream.on("close", () => {
      for (const reject of this.#rejecters) {
        reject(new Error("the stream ended"));
      }
    });
  }

  call(token: string): Promise<Answer> {
    const id = this.#free.pop() ?? this.#resolvers.length;
    const start = this.#writer.reserve(requestBound(token));
    this.#writer.commit(id, start, writeRequest(this.#writer.bytes, start, token));
    this.#next = id;
    return new Promise(this.#executor);
  }
}

/**
 * Collects frames in a slab and writes them together. The end of the turn is process.nextTick: it runs when all promises
 * that an incoming chunk has resolved are through, so one write carries all the calls that their callers made next.
 */
class FrameWriter {
  bytes = Buffer.allocUnsafeSlow(slabBytes);
  readonly #stream: Http2Stream;
  #written = 0;
  #end = 0;
  #scheduled = false;
  readonly #flush = (): void => {
    this.#scheduled = false;
    this.#write();
  };

  constructor(stream: Http2Stream) {
    this.#stream = stream;
  }

  /** Where a message of at most `bound` bytes may be put. */
  reserve(bound: number): number {
    if (this.#end + headerBytes + bound > this.bytes.length) {
      // The slab is still being sent: it is left to the stream, and another begun.
      this.#write();
      this.bytes = Buffer.allocUnsafeSlow(Math.max(slabBytes, bound + headerBytes));
      this.#written = 0;
      this.#end = 0;
    }
    return this.#end + headerBytes;
  }

  /** Puts the header in front of the message that has been written there. */
  commit(id: number, start: number, end: number): void {
    putUint32(this.bytes, start - 8, end - start);
    putUint32(this.bytes, start - 4, id);
    this.#end = end;
    if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(this.#flush);
    }
  }

  #write(): void {
    if (this.#end > this.#written && !this.#stream.destroyed) {
      this.#stream.write(this.bytes.subarray(this.#written, this.#end));
      this.#written = this.#end;
    }
  }
}

/** Calls `frame` for each whole frame; what is left of a chunk waits for the next. */
function readFrames(stream: Http2Stream, frame: (id: number, bytes: Buffer, start: number, end: number) => void): void {
  let rest: Buffer | undefined;
  stream.on("data", (chunk: Buffer) => {
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (at + headerBytes <= bytes.length) {
      const start = at + headerBytes;
      const end = start + getUint32(bytes, at);
      if (end > bytes.length) {
        break;
      }
      frame(getUint32(bytes, at + 4), bytes, start, end);
      at = end;
    }
    rest = at === bytes.length ? undefined : bytes.subarray(at);
  });
}

function putUint32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

function getUint32(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}
