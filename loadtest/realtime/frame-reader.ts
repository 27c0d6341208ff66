/*
 * The client's half of RFC 6455 with nothing to spare: a load must cost less than what it measures. Frames are counted where
 * they lie in the socket's buffer and their payloads are skipped, unless somebody wants to look at them. Servers of this
 * bench send whole messages in one frame each, without extensions; anything else is an error.
 */

/** Below this a frame cannot be one of the messages that are measured: it is read, as it says something. */
const shortBytes = 32;
const longHeaderBytes = 10;

export interface FrameEvents {
  /** A message has arrived whole. */
  counted(): void;
  /** A frame of text or bytes that is short, or any while `looks` says so. */
  looked(payload: Buffer): void;
  pinged(payload: Buffer): void;
  closed(code: number, reason: string): void;
}

export class FrameReader {
  /** Whether every payload is handed over instead of being counted. */
  looks = true;
  readonly #events: FrameEvents;
  /** Payload of a counted frame that has not come yet. */
  #toSkip = 0;
  /** The beginning of a frame that has to be read whole; undefined between frames. */
  #kept: Buffer | undefined;

  constructor(events: FrameEvents) {
    this.#events = events;
  }

  /** The bytes may be overwritten when this returns. Throws on what no server of this bench sends. */
  read(bytes: Buffer): void {
    let chunk = bytes;
    if (this.#kept !== undefined) {
      chunk = Buffer.concat([this.#kept, bytes]);
      this.#kept = undefined;
    }
    const end = chunk.length;
    let at = 0;
    while (at < end) {
      if (this.#toSkip > 0) {
        const taken = Math.min(this.#toSkip, end - at);
        at += taken;
        this.#toSkip -= taken;
        if (this.#toSkip === 0) {
          this.#events.counted();
        }
        continue;
      }
      const header = headerAt(chunk, at, end);
      if (header === undefined) {
        break;
      }
      const { opcode, headerBytes, length } = header;
      if (!this.looks && opcode < 8 && length >= shortBytes) {
        at += headerBytes;
        this.#toSkip = length;
        continue;
      }
      if (end - at < headerBytes + length) {
        break;
      }
      this.#hand(opcode, chunk.subarray(at + headerBytes, at + headerBytes + length));
      at += headerBytes + length;
    }
    if (at < end) {
      this.#kept = Buffer.from(chunk.subarray(at));
    }
  }

  #hand(opcode: number, payload: Buffer): void {
    switch (opcode) {
      case 1:
      case 2:
        this.#events.looked(payload);
        return;
      case 8:
        this.#events.closed(payload.length >= 2 ? payload.readUInt16BE(0) : 1005, payload.toString("utf8", 2));
        return;
      case 9:
        this.#events.pinged(payload);
        return;
      case 10:
        return;
      default:
        throw new Error(`a frame with opcode ${opcode} is not expected here`);
    }
  }
}

interface Header {
  opcode: number;
  headerBytes: number;
  length: number;
}

/** One object for all headers: it is read before the next. */
const found: Header = { opcode: 0, headerBytes: 0, length: 0 };

function headerAt(chunk: Buffer, at: number, end: number): Header | undefined {
  if (end - at < 2) {
    return undefined;
  }
  const first = chunk[at] as number;
  const second = chunk[at + 1] as number;
  if ((first & 0xf0) !== 0x80 || (second & 0x80) !== 0) {
    throw new Error("a frame is fragmented, compressed or masked, which is not expected here");
  }
  found.opcode = first & 0x0f;
  found.headerBytes = 2;
  found.length = second;
  if (second === 126) {
    found.headerBytes = 4;
    if (end - at < 4) {
      return undefined;
    }
    found.length = chunk.readUInt16BE(at + 2);
  } else if (second === 127) {
    found.headerBytes = longHeaderBytes;
    if (end - at < longHeaderBytes) {
      return undefined;
    }
    found.length = Number(chunk.readBigUInt64BE(at + 2));
  }
  return found;
}

/** A frame as a client sends it. The mask is all zeros: it protects proxies from pages, and there are neither here. */
export function clientFrame(payload: string | Buffer, opcode: 1 | 10 = 1): Buffer {
  const body = Buffer.from(payload as string);
  const head = body.length < 126 ? Buffer.alloc(6) : Buffer.alloc(8);
  head[0] = 0x80 | opcode;
  if (body.length < 126) {
    head[1] = 0x80 | body.length;
  } else {
    head[1] = 0x80 | 126;
    head.writeUInt16BE(body.length, 2);
  }
  return Buffer.concat([head, body]);
}
