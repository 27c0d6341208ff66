import { isDeepStrictEqual } from "node:util";
import { type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { ByteWriter } from "../byte-writer.ts";
import { codecFor } from "../codec-for.ts";
import type { MessageCodec, MessagePart } from "../message-codec.ts";

/** What a function gave or threw, to compare two of them. */
export interface Outcome {
  readonly value?: unknown;
  readonly error?: string;
}

function outcome(run: () => unknown): Outcome {
  try {
    return { value: run() };
  } catch (error) {
    // Malformed input is an Error; anything else would be a defect of ours.
    expect(error).toBeInstanceOf(Error);
    return { error: (error as Error).message };
  }
}

/** Stands before and behind what is read or written, to show that nothing there is touched. */
const margin = 7;
const around = 0x7a;

/** What the codec makes of the bytes, between others: of equal bytes on both sides, and when they are used again. */
export function decoded(desc: DescMessage, bytes: Uint8Array): Outcome {
  const buffer = Buffer.alloc(margin + bytes.length + margin, around);
  buffer.set(bytes, margin);
  const result = outcome(() => codecFor(desc).decode(buffer, margin, margin + bytes.length));
  buffer.fill(0xff);
  return result;
}

/** What protobuf-es makes of them. */
export function expected(desc: DescMessage, bytes: Uint8Array): Outcome {
  return outcome(() => fromBinary(desc, bytes));
}

export function same(a: Outcome, b: Outcome): boolean {
  return isDeepStrictEqual(a, b);
}

/** Writes behind other bytes, with a writer that must grow on its way. */
export function encoded(desc: DescMessage, message: Message, initialBytes = margin): Outcome {
  const writer = new ByteWriter(initialBytes);
  writer.raw(new Uint8Array(margin).fill(around));
  return outcome(() => {
    const count = codecFor(desc).encode(message, writer);
    expect(writer.position).toBe(margin + count);
    expect(writer.bytes.subarray(0, margin).every((byte) => byte === around)).toBe(true);
    return Uint8Array.from(writer.bytes.subarray(margin, writer.position));
  });
}

export function expectedBytes(desc: DescMessage, message: Message): Outcome {
  return outcome(() => toBinary(desc, message));
}

/** The generated code of a type by itself, which throws where it would ask protobuf-es. */
export function partOf(desc: DescMessage): MessagePart {
  return codecFor(desc) as MessageCodec & MessagePart;
}
