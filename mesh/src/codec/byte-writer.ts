import { Buffer } from "node:buffer";
import { copyInto, writeString, writeVarint } from "./write-values.ts";

/**
 * A buffer that grows, with a position. Many messages and frames are written one behind the other, so whoever writes
 * may do it in two ways:
 *
 * - `varint`, `string` and `raw` append at `position`, growing as needed: for headers and whatever is rare.
 * - Generated encoders keep the bytes and the position in local variables, ask for room once for all fields of a known
 *   size (`grow`), and store the position back when the message is complete. A message that turns out to be invalid
 *   half way therefore leaves nothing behind.
 *
 * What was written moves to another buffer when the writer grows: take `bytes` only after the last write.
 */
export class ByteWriter {
  bytes: Buffer;
  /** Where the next byte goes: the number of bytes written. */
  position = 0;

  /** 16 KiB is what Node writes to a socket at a time. */
  constructor(initialBytes = 16_384) {
    this.bytes = Buffer.allocUnsafeSlow(initialBytes);
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    if (this.position + count > this.bytes.length) {
      this.grow(this.position, count);
    }
  }

  /** Makes room for `count` bytes behind the first `used`, which are kept. Returns the bytes, which may be new ones. */
  grow(used: number, count: number): Buffer {
    if (used + count > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, used + count));
      this.bytes.copy(larger, 0, 0, used);
      this.bytes = larger;
    }
    return this.bytes;
  }

  /** `grow` for `count` bytes and a text: three bytes per character at most, counted exactly when that would be a lot. */
  growForText(used: number, count: number, text: string): Buffer {
    return this.grow(used, count + (text.length > 1024 ? Buffer.byteLength(text) : text.length * 3));
  }

  /** Appends an unsigned 32-bit number. */
  varint(value: number): void {
    this.ensure(5);
    this.position = writeVarint(this.bytes, this.position, value);
  }

  /** Appends a text as UTF-8, its length in bytes before it. */
  string(text: string): void {
    this.growForText(this.position, 5, text);
    this.position = writeString(this.bytes, this.position, text);
  }

  /** Appends bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.ensure(bytes.length);
    this.position = copyInto(this.bytes, this.position, bytes);
  }
}
