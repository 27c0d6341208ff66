import { ByteWriter } from "../codec/byte-writer.ts";
import { grpcPrefixBytes } from "./grpc-messages.ts";

/**
 * Gathers frames into the gRPC message that the next flush sends. Bytes are written into a slab, one batch behind the
 * other, and a slab begins anew when the socket is done with all that was in it:
 *
 *   slab: [ sent batch ][ prefix | frame frame frame … ][ free ]
 *
 * Two slabs take turns while the socket is behind. A lane that made a buffer for every batch would have the garbage
 * collector at work for memory alone: V8 starts a full collection for every 64 MB of buffers, at a busy lane each second.
 */
const minSlabBytes = 64 * 1024;
const maxSlabBytes = 256 * 1024;
/** A batch begins in another slab unless one and a half of the last one and this fit, so that few have to be moved. */
const minRoomBytes = 8 * 1024;

class Slab {
  readonly bytes: Buffer;
  /** Batches that the socket may still read. */
  unsent = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  readonly onSent = (): void => {
    this.unsent -= 1;
  };
}

const none = new Slab(Buffer.alloc(0));

export class BatchWriter {
  readonly writer: ByteWriter = new ByteWriter(0);
  /** Frames in the batch. */
  frames = 0;
  /** To be called when the socket is done with the batch that was taken last. */
  onSent: () => void = none.onSent;
  #slab = none;
  #other = none;
  #start = -1;
  #lastSize = 0;

  /** Bytes of the batch so far. */
  get size(): number {
    return this.#start < 0 ? 0 : this.writer.position - this.#start;
  }

  /** The writer, positioned behind the last frame. */
  begin(): ByteWriter {
    const { writer } = this;
    if (this.#start < 0) {
      if (this.#slab.unsent === 0) {
        writer.position = 0;
      }
      const room = minRoomBytes + this.#lastSize * 1.5;
      if (writer.bytes.length - writer.position < room) {
        this.#change(room);
      }
      this.#start = writer.position;
      writer.position += grpcPrefixBytes;
    }
    return writer;
  }

  /** The batch as one gRPC message, ready to be sent; the next one begins behind it. */
  take(): Buffer {
    const { writer } = this;
    const start = this.#start;
    const { bytes, position } = writer;
    if (bytes !== this.#slab.bytes) {
      // It has outgrown its slab, and brought another.
      this.#slab = new Slab(bytes);
    }
    bytes[start] = 0;
    bytes.writeUInt32BE(position - start - grpcPrefixBytes, start + 1);
    this.#start = -1;
    this.frames = 0;
    this.#lastSize = position - start;
    this.#slab.unsent += 1;
    this.onSent = this.#slab.onSent;
    return bytes.subarray(start, position);
  }

  /** To the other slab, when the socket has left it and it is large enough; else to a new one, and one is forgotten. */
  #change(room: number): void {
    const next = this.#other;
    this.#other = this.#slab;
    this.#slab =
      next.unsent === 0 && next.bytes.length >= room
        ? next
        : new Slab(Buffer.allocUnsafeSlow(Math.max(room, Math.min(maxSlabBytes, Math.max(minSlabBytes, room * 8)))));
    this.writer.bytes = this.#slab.bytes;
    this.writer.position = 0;
  }
}
