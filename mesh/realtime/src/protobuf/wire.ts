/*
 * The wire format of protobuf (protobuf.dev, "Encoding"), as much of it as the protocol needs. Numbers are those of
 * JavaScript: whole ones up to 2^53 - 1, which is what the protocol keeps to.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A message that is being written, field by field. */
export class MessageWriter {
  readonly #bytes: number[] = [];

  /** `value` is a whole number, 0 or more. */
  count(field: number, value: number): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  double(field: number, value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    this.#varint(field * 8 + 1);
    this.#append(bytes);
    return this;
  }

  text(field: number, value: string): this {
    return this.#block(field, encoder.encode(value));
  }

  message(field: number, value: MessageWriter): this {
    return this.#block(field, value.#bytes);
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #block(field: number, bytes: ArrayLike<number>): this {
    this.#varint(field * 8 + 2);
    this.#varint(bytes.length);
    this.#append(bytes);
    return this;
  }

  #append(bytes: ArrayLike<number>): void {
    for (let at = 0; at < bytes.length; at += 1) {
      this.#bytes.push(bytes[at] as number);
    }
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#bytes.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.#bytes.push(rest);
  }
}

/** What a field holds: a number, or the bytes of anything with a length. */
export type FieldValue = number | Uint8Array;

/** Calls `visit` with each field, in order. Throws a RangeError when the bytes are no message. */
export function readFields(bytes: Uint8Array, visit: (field: number, value: FieldValue) => void): void {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at];
      if (byte === undefined || scale > 2 ** 63) {
        throw new RangeError("a number does not end");
      }
      at += 1;
      value += (byte % 128) * scale;
      if (byte < 128) {
        return value;
      }
    }
  };
  const block = (length: number): Uint8Array => {
    if (at + length > bytes.length) {
      throw new RangeError("a field is longer than its message");
    }
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const type = tag % 8;
    const value =
      type === 0 ? varint() : type === 2 ? block(varint()) : block(type === 1 ? 8 : type === 5 ? 4 : Infinity);
    visit(Math.floor(tag / 8), value);
  }
}

/** The text of a field. Throws a TypeError when it is not UTF-8. */
export function textOf(value: FieldValue): string {
  return decoder.decode(bytesOf(value));
}

export function bytesOf(value: FieldValue): Uint8Array {
  if (typeof value === "number") {
    throw new TypeError("a number is no text");
  }
  return value;
}
