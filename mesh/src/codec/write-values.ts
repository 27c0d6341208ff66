import type { Buffer } from "node:buffer";
import { unusual } from "./message-codec.ts";

/**
 * How single values become bytes. Every function writes at `position` of a buffer that has room, and returns the
 * position behind: the caller keeps both in local variables, where the compiler can hold them in registers. Values of
 * the wrong type or out of range throw `unusual`; protobuf-es then converts or refuses them.
 */

/** Room that the widest number needs: a varint of 64 bits. */
export const maxVarintBytes = 10;

const wide = new BigInt64Array(1);
const words = new Int32Array(wide.buffer);
const floats = new DataView(new ArrayBuffer(8));

/** A number of 32 bits without sign. */
export function writeVarint(bytes: Buffer, position: number, value: number): number {
  let at = position;
  let rest = value;
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** The bytes that `writeVarint` takes. */
function varintSize(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : value < 268_435_456 ? 4 : 5;
}

/** A negative number is ten bytes: as if it had 64 bits. */
export function writeInt32(bytes: Buffer, position: number, value: number): number {
  return value >= 0 ? writeVarint(bytes, position, value) : writeVarint64(bytes, position, value, -1);
}

export function writeInt64(bytes: Buffer, position: number, value: bigint): number {
  wide[0] = int64(value);
  return writeVarint64(bytes, position, words[0] as number, words[1] as number);
}

export function writeUint64(bytes: Buffer, position: number, value: bigint): number {
  wide[0] = uint64(value);
  return writeVarint64(bytes, position, words[0] as number, words[1] as number);
}

export function writeSint64(bytes: Buffer, position: number, value: bigint): number {
  wide[0] = int64(value);
  const low = words[0] as number;
  const high = words[1] as number;
  const sign = high >> 31;
  return writeVarint64(bytes, position, (low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign);
}

export function writeSfixed64(bytes: Buffer, position: number, value: bigint): number {
  wide[0] = int64(value);
  return writeFixed32(bytes, writeFixed32(bytes, position, words[0] as number), words[1] as number);
}

export function writeFixed64(bytes: Buffer, position: number, value: bigint): number {
  wide[0] = uint64(value);
  return writeFixed32(bytes, writeFixed32(bytes, position, words[0] as number), words[1] as number);
}

export function writeFixed32(bytes: Buffer, position: number, value: number): number {
  bytes[position] = value;
  bytes[position + 1] = value >>> 8;
  bytes[position + 2] = value >>> 16;
  bytes[position + 3] = value >>> 24;
  return position + 4;
}

export function writeFloat(bytes: Buffer, position: number, value: number): number {
  if (typeof value !== "number" || (Number.isFinite(value) && !Number.isFinite(Math.fround(value)))) {
    throw unusual;
  }
  floats.setFloat32(0, value, true);
  return writeFixed32(bytes, position, floats.getInt32(0, true));
}

export function writeDouble(bytes: Buffer, position: number, value: number): number {
  if (typeof value !== "number") {
    throw unusual;
  }
  floats.setFloat64(0, value, true);
  return writeFixed32(bytes, writeFixed32(bytes, position, floats.getInt32(0, true)), floats.getInt32(4, true));
}

/** UTF-8 with its length before it. Needs room for three bytes per character and the length. */
export function writeString(bytes: Buffer, position: number, text: string): number {
  const length = text.length;
  // Below this a loop beats the call into native code: 5 characters take 20 ns either way, each more 3 ns here.
  if (length < 6) {
    let at = position + 1;
    let seen = 0;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      seen |= code;
      bytes[at++] = code;
    }
    if (seen < 128) {
      bytes[position] = length;
      return at;
    }
  }
  // The length in bytes is known only afterwards; its own size is guessed as for ASCII, which is nearly always right.
  const guess = varintSize(length);
  const written = bytes.write(text, position + guess, "utf8");
  const size = varintSize(written);
  if (size !== guess) {
    bytes.copyWithin(position + size, position + guess, position + guess + written);
  }
  return writeVarint(bytes, position, written) + written;
}

/** Bytes with their length before them. */
export function writeBytes(bytes: Buffer, position: number, value: Uint8Array): number {
  return copyInto(bytes, writeVarint(bytes, position, value.length), value);
}

/** Bytes as they are. */
export function copyInto(bytes: Buffer, position: number, value: Uint8Array): number {
  const length = value.length;
  // A loop is faster than the native copy up to about here.
  if (length <= 24) {
    for (let i = 0; i < length; i++) {
      bytes[position + i] = value[i] as number;
    }
  } else {
    bytes.set(value, position);
  }
  return position + length;
}

/**
 * Writes the length of what stands in [start + 1, end) in front of it, at `start`, and moves it when the length takes
 * more than the one byte there is. Needs room for four bytes behind `end`. Returns the new end.
 */
export function closeLength(bytes: Buffer, start: number, end: number): number {
  const length = end - start - 1;
  const size = varintSize(length);
  if (size > 1) {
    bytes.copyWithin(start + size, start + 1, end);
  }
  return writeVarint(bytes, start, length) + length;
}

function writeVarint64(bytes: Buffer, position: number, low: number, high: number): number {
  let at = position;
  let lowRest = low >>> 0;
  let highRest = high >>> 0;
  while (highRest > 0) {
    bytes[at++] = (lowRest & 127) | 128;
    lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
    highRest >>>= 7;
  }
  return writeVarint(bytes, at, lowRest);
}

function int64(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) {
    throw unusual;
  }
  return value;
}

function uint64(value: bigint): bigint {
  if (BigInt.asUintN(64, value) !== value) {
    throw unusual;
  }
  return value;
}
