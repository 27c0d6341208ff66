import type { WebSocketConnection } from "../http/http-server.ts";
import type { Encoded, FrameCodec, SharedFrame } from "./frame-codec.ts";
import type { ServerFrame } from "./server-frames.ts";

/** Who is told of a client that is too far behind to be helped. */
export interface SlowClientListener {
  tooSlow(): void;
}

/**
 * A connection that is spoken to in frames, in the form that its client chose. Whoever asks and asks and reads no answer is too
 * slow like a reader of messages, or their answers would fill the memory.
 */
export class ClientConnection {
  readonly codec: FrameCodec;
  readonly #connection: WebSocketConnection;
  readonly #hardBytes: number;
  readonly #listener: SlowClientListener;

  /** `hardBytes` is how far the client may fall behind. */
  constructor(connection: WebSocketConnection, codec: FrameCodec, hardBytes: number, listener: SlowClientListener) {
    this.#connection = connection;
    this.codec = codec;
    this.#hardBytes = hardBytes;
    this.#listener = listener;
  }

  /** Bytes that were sent and the client has not yet taken. */
  get bufferedBytes(): number {
    return this.#connection.bufferedBytes;
  }

  /** Ends the connection instead when its client is too far behind. */
  send(frame: ServerFrame): void {
    if (this.#hasRoom()) {
      this.sendEncoded(this.codec.encode(frame));
    }
  }

  /** As `send`, of a frame that others are sent too. */
  sendShared(frame: SharedFrame): void {
    if (this.#hasRoom()) {
      this.sendEncoded(frame.in(this.codec));
    }
  }

  /** Of a frame that was encoded for others too, to a client that is known not to be too far behind. */
  sendEncoded({ bytes, form }: Encoded): void {
    this.#connection.send(bytes, form);
  }

  /** The client is too far behind to be helped. */
  giveUp(): void {
    this.#listener.tooSlow();
  }

  close(code: number, reason: string): void {
    this.#connection.close(code, reason);
  }

  #hasRoom(): boolean {
    const isThere = this.bufferedBytes <= this.#hardBytes;
    if (!isThere) {
      this.giveUp();
    }
    return isThere;
  }
}
