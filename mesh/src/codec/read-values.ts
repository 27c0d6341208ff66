import { Buffer } from "node:buffer";
import { unusual } from "./message-codec.ts";

/**
 * How bytes become single values. The generated decoder reads numbers of one byte itself and calls these for the rest.
 * Values of a known size take their position and nothing else: the caller has checked that they end in time. A varint
 * says where it ended in `cursor`, because returning two values would allocate.
 *
 * Whatever a well-behaved encoder does not produce throws `unusual`: protobuf-es then decides what it means, so that
 * the two can never differ in what they accept.
 */

/** Where the varint that was read last ended. */
export const cursor = { position: 0 };

const wide = new BigInt64Array(1);
const unsigned = new BigUint64Array(wide.buffer);
const words = new Int32Array(wide.buffer);
const floats = new DataView(new ArrayBuffer(8));
const { utf8Slice } = Buffer.prototype as Buffer & { utf8Slice(start: number, end: number): string };

/** The low 32 bits of a varint, as a signed number. */
export function readVarint(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (at >= end) {
      throw unusual;
    }
    const byte = bytes[at++] as number;
    // A shift counts modulo 32: from the sixth byte on it would hit low bits.
    if (shift < 35) {
      value |= (byte & 127) << shift;
    }
    if (byte < 128) {
      cursor.position = at;
      return value;
    }
  }
  throw unusual;
}

/** A field number and wire type, of more than one byte. */
export function readTag(bytes: Uint8Array, start: number, end: number): number {
  const tag = readVarint(bytes, start, end) >>> 0;
  const size = cursor.position - start;
  if (size > 5 || (size === 5 && (bytes[start + 4] as number) > 15)) {
    throw unusual;
  }
  return tag;
}

export function readInt64(bytes: Uint8Array, start: number, end: number): bigint {
  readWords(bytes, start, end);
  return wide[0] as bigint;
}

export function readUint64(bytes: Uint8Array, start: number, end: number): bigint {
  readWords(bytes, start, end);
  return unsigned[0] as bigint;
}

export function readSint64(bytes: Uint8Array, start: number, end: number): bigint {
  readWords(bytes, start, end);
  const low = words[0] as number;
  const high = words[1] as number;
  const sign = -(low & 1);
  words[0] = ((low >>> 1) | (high << 31)) ^ sign;
  words[1] = (high >>> 1) ^ sign;
  return wide[0] as bigint;
}

/** As a signed number. */
export function readFixed32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

export function readSfixed64(bytes: Uint8Array, at: number): bigint {
  words[0] = readFixed32(bytes, at);
  words[1] = readFixed32(bytes, at + 4);
  return wide[0] as bigint;
}

export function readFixed64(bytes: Uint8Array, at: number): bigint {
  words[0] = readFixed32(bytes, at);
  words[1] = readFixed32(bytes, at + 4);
  return unsigned[0] as bigint;
}

export function readFloat(bytes: Uint8Array, at: number): number {
  floats.setInt32(0, readFixed32(bytes, at), true);
  return floats.getFloat32(0, true);
}

export function readDouble(bytes: Uint8Array, at: number): number {
  floats.setInt32(0, readFixed32(bytes, at), true);
  floats.setInt32(4, readFixed32(bytes, at + 4), true);
  return floats.getFloat64(0, true);
}

/** Reads a text of any length. The generated decoder comes here when `readShortText` is not for it. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  const text = utf8Slice.call(bytes, start, end);
  // Stands for invalid UTF-8, which is an error; or for itself, which is rare enough to be looked at twice.
  if (text.includes("\uFFFD")) {
    throw unusual;
  }
  return text;
}

/** A copy: what was received lies in a buffer that is used again. */
export function readBytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  // A loop is faster than the native copy up to about here.
  if (length <= 24) {
    const copy = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      copy[i] = bytes[start + i] as number;
    }
    return copy;
  }
  return new Uint8Array(bytes.subarray(start, end));
}

/** Sets a property that may be called `__proto__`. */
export function setEntry(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    record[key] = value;
  }
}

function readWords(bytes: Uint8Array, start: number, end: number): void {
  let at = start;
  let low = 0;
  let high = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (at >= end) {
      throw unusual;
    }
    const byte = bytes[at++] as number;
    const bits = byte & 127;
    if (shift < 28) {
      low |= bits << shift;
    } else if (shift === 28) {
      low |= bits << 28;
      high = bits >> 4;
    } else {
      high |= bits << (shift - 32);
    }
    if (byte < 128) {
      cursor.position = at;
      words[0] = low;
      words[1] = high;
      return;
    }
  }
  throw unusual;
}
