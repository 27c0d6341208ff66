import type { WebSocketConnection } from "../http/http-server.ts";
import type { Encoded, FrameCodec } from "./frame-codec.ts";
import type { ServerFrame } from "./server-frames.ts";

/** How far a client may fall behind. */
export interface BacklogLimit {
  readonly hardBytes: number;
  /** The reader is too far behind to be helped. */
  readonly tooSlow: () => void;
}

/**
 * A connection that is spoken to in frames, in the form that its client chose. Whoever asks and asks and reads no answer is too
 * slow like a reader of messages, or their answers would fill the memory.
 */
export class ClientConnection {
  readonly codec: FrameCodec;
  readonly #connection: WebSocketConnection;
  readonly #backlog: BacklogLimit;

  constructor(connection: WebSocketConnection, codec: FrameCodec, backlog: BacklogLimit) {
    this.#connection = connection;
    this.codec = codec;
    this.#backlog = backlog;
  }

  /** Bytes that were sent and the client has not yet taken. */
  get bufferedBytes(): number {
    return this.#connection.bufferedBytes;
  }

  /** Ends the connection instead when its client is too far behind. */
  send(frame: ServerFrame): void {
    const { hardBytes, tooSlow } = this.#backlog;
    if (this.bufferedBytes > hardBytes) {
      tooSlow();
    } else {
      this.sendEncoded(this.codec.encode(frame));
    }
  }

  /** Of a frame that was encoded for others too, to a client that is known not to be too far behind. */
  sendEncoded({ bytes, form }: Encoded): void {
    this.#connection.send(bytes, form);
  }

  close(code: number, reason: string): void {
    this.#connection.close(code, reason);
  }
}
