import { ByteWriter } from "../codec/byte-writer.ts";
import { grpcPrefixBytes } from "./grpc-messages.ts";

/**
 * Gathers frames into the gRPC message that the next flush sends. Bytes are written into a slab, one batch behind the other:
 * what was handed to the socket is left alone, and a full slab is left to the garbage collector, since only the socket knows
 * when it is done with it.
 *
 *   slab: [ sent batch ][ prefix | frame frame frame … ][ free ]
 */
const minSlabBytes = 64 * 1024;
const maxSlabBytes = 1024 * 1024;
/** A batch begins in a new slab unless one and a half of the last one and this fit, so that few have to be moved. */
const minRoomBytes = 8 * 1024;

export class BatchWriter {
  readonly writer: ByteWriter;
  /** Frames in the batch. */
  frames = 0;
  #start = -1;
  #lastSize = 0;

  constructor() {
    this.writer = new ByteWriter(0);
  }

  /** Bytes of the batch so far. */
  get size(): number {
    return this.#start < 0 ? 0 : this.writer.position - this.#start;
  }

  /** The writer, positioned behind the last frame. */
  begin(): ByteWriter {
    const { writer } = this;
    if (this.#start < 0) {
      const room = minRoomBytes + this.#lastSize * 1.5;
      if (writer.bytes.length - writer.position < room) {
        writer.bytes = Buffer.allocUnsafeSlow(Math.min(maxSlabBytes, Math.max(minSlabBytes, room * 8)));
        writer.position = 0;
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
    bytes[start] = 0;
    bytes.writeUInt32BE(position - start - grpcPrefixBytes, start + 1);
    this.#start = -1;
    this.frames = 0;
    this.#lastSize = position - start;
    return bytes.subarray(start, position);
  }
}
