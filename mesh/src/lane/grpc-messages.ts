import { LaneFormatError } from "./wire.ts";

/** Flags and length in front of every gRPC message. */
export const grpcPrefixBytes = 5;

/**
 * Cuts a stream of bytes into gRPC messages. A message that arrives whole is handed over where it lies; one that comes in
 * pieces is put together first, in a buffer of its announced and checked size.
 */
export class GrpcMessages {
  readonly #maxBytes: number;
  readonly #onMessage: (bytes: Buffer, start: number, end: number) => void;
  readonly #prefix = Buffer.alloc(grpcPrefixBytes);
  #prefixFill = 0;
  #partial: Buffer | undefined;
  #fill = 0;

  constructor(maxBytes: number, onMessage: (bytes: Buffer, start: number, end: number) => void) {
    this.#maxBytes = maxBytes;
    this.#onMessage = onMessage;
  }

  /** Throws a LaneFormatError for a message that is compressed or larger than the limit. */
  push(chunk: Buffer): void {
    let at = 0;
    if (this.#partial !== undefined || this.#prefixFill > 0) {
      at = this.#complete(chunk);
      if (this.#partial !== undefined || this.#prefixFill > 0) {
        return;
      }
    }
    while (chunk.length - at >= grpcPrefixBytes) {
      const length = this.#length(chunk, at);
      const start = at + grpcPrefixBytes;
      if (chunk.length - start < length) {
        this.#partial = Buffer.allocUnsafe(length);
        this.#fill = chunk.copy(this.#partial, 0, start);
        return;
      }
      at = start + length;
      this.#onMessage(chunk, start, at);
    }
    this.#prefixFill = chunk.copy(this.#prefix, 0, at);
  }

  /** Whether the bytes so far end between two messages. */
  get complete(): boolean {
    return this.#partial === undefined && this.#prefixFill === 0;
  }

  /** Goes on with what the last chunk left; returns how much of this one it took. */
  #complete(chunk: Buffer): number {
    let at = 0;
    if (this.#partial === undefined) {
      at = chunk.copy(this.#prefix, this.#prefixFill, 0, grpcPrefixBytes - this.#prefixFill);
      this.#prefixFill += at;
      if (this.#prefixFill < grpcPrefixBytes) {
        return at;
      }
      this.#partial = Buffer.allocUnsafe(this.#length(this.#prefix, 0));
      this.#prefixFill = 0;
      this.#fill = 0;
    }
    const partial = this.#partial;
    const taken = chunk.copy(partial, this.#fill, at, at + partial.length - this.#fill);
    this.#fill += taken;
    if (this.#fill === partial.length) {
      this.#partial = undefined;
      this.#onMessage(partial, 0, partial.length);
    }
    return at + taken;
  }

  #length(bytes: Buffer, at: number): number {
    if (bytes[at] !== 0) {
      throw new LaneFormatError("a message is compressed, which was not agreed");
    }
    const length = bytes.readUInt32BE(at + 1);
    if (length > this.#maxBytes) {
      throw new LaneFormatError(`a message of ${length} bytes exceeds the limit of ${this.#maxBytes}`);
    }
    return length;
  }
}
