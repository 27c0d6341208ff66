/*
 * The protobuf wire format, as far as lane frames need it: varints and lengths. Reading never goes beyond the given end;
 * what does not fit is a LaneFormatError, which ends the lane that it came on.
 */

/** A frame that breaks the format of weft/lane/v1. */
export class LaneFormatError extends Error {
  override readonly name = "LaneFormatError";
}

export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

/** Writes a 32-bit unsigned integer and returns the position after it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  while (value > 0x7f) {
    bytes[at] = (value & 0x7f) | 0x80;
    at += 1;
    value >>>= 7;
  }
  bytes[at] = value;
  return at + 1;
}

/** Reads forward through a range of bytes. One is reused for all frames of a lane: nothing is made per frame. */
export class WireReader {
  bytes: Buffer = Buffer.alloc(0);
  position = 0;
  end = 0;

  set(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  /** A varint of at most ten bytes, its low 32 bits. */
  uint32(): number {
    const { bytes, end } = this;
    let at = this.position;
    if (at < end) {
      const first = bytes[at] as number;
      if (first < 0x80) {
        this.position = at + 1;
        return first;
      }
      let value = first & 0x7f;
      at += 1;
      for (let shift = 7; shift < 70 && at < end; shift += 7) {
        const next = bytes[at] as number;
        at += 1;
        if (shift < 32) {
          value |= (next & 0x7f) << shift;
        }
        if (next < 0x80) {
          this.position = at;
          return value >>> 0;
        }
      }
    }
    throw new LaneFormatError("a number is cut off or too long");
  }

  /** The length of what follows, which lies within the range. */
  length(): number {
    const length = this.uint32();
    if (length > this.end - this.position) {
      throw new LaneFormatError("a length exceeds its frame");
    }
    return length;
  }

  /** UTF-8 text of the given length. */
  text(): string {
    const length = this.length();
    const start = this.position;
    this.position = start + length;
    return this.bytes.toString("utf8", start, this.position);
  }

  /** Steps over a field of the given wire type: one that a later version added. */
  skip(wireType: number): void {
    switch (wireType) {
      case 0:
        this.uint32();
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.#advance(this.length());
        return;
      case 5:
        this.#advance(4);
        return;
      default:
        throw new LaneFormatError(`wire type ${wireType} does not exist`);
    }
  }

  #advance(count: number): void {
    if (count > this.end - this.position) {
      throw new LaneFormatError("a field is cut off");
    }
    this.position += count;
  }
}
