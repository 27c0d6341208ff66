import type { ParsedFrame } from "./protocol.ts";
import type { ServerFrame } from "./server-frames.ts";

/*
 * The forms in which the protocol is spoken. A session knows commands and frames; which bytes those are is decided once, by
 * the subprotocol that the client chose, and both forms say the same. A frame for many connections is encoded once for each
 * form that is spoken among them.
 */

/** One WebSocket message. */
export interface Encoded {
  readonly bytes: string | Uint8Array;
  readonly form: "text" | "binary";
}

export interface FrameCodec {
  /** As offered in Sec-WebSocket-Protocol; names the form. */
  readonly subprotocol: string;
  /** The only form of WebSocket message in which clients may send. */
  readonly reads: Encoded["form"];
  /** Reads a client's frame. Never throws; keeps nothing of `bytes`. */
  decode(bytes: Uint8Array): ParsedFrame;
  encode(frame: ServerFrame): Encoded;
}

/** A frame that several connections are sent. */
export class SharedFrame {
  readonly #frame: ServerFrame;
  readonly #encoded = new Map<FrameCodec, Encoded>();

  constructor(frame: ServerFrame) {
    this.#frame = frame;
  }

  in(codec: FrameCodec): Encoded {
    let encoded = this.#encoded.get(codec);
    if (encoded === undefined) {
      encoded = codec.encode(this.#frame);
      this.#encoded.set(codec, encoded);
    }
    return encoded;
  }
}
