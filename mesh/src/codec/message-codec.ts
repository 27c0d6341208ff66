import type { DescMessage, Message, MessageInitShape } from "@bufbuild/protobuf";
import type { ByteWriter } from "./byte-writer.ts";

/** A message, or what `create` makes one of. */
export type Encodable = Message | MessageInitShape<DescMessage>;

/** Encodes and decodes the messages of one type. Gives the same messages and the same bytes as protobuf-es. */
export interface MessageCodec {
  /** Appends the message to the writer and returns the number of bytes. A message that is refused appends nothing. */
  encode(message: Encodable, writer: ByteWriter): number;
  /**
   * Reads bytes[start, end) and nothing else, and throws an Error when they are malformed. The message shares no memory
   * with `bytes`, which the caller may use again.
   */
  decode(bytes: Uint8Array, start: number, end: number): Message;
}

/**
 * What the codecs of two message types ask of each other: `MessageCodec` without its safety net. Both may throw
 * `unusual` (or anything else) to have protobuf-es decide about the whole message that was asked for.
 */
export interface MessagePart {
  /** Writes the fields at `position` of the writer's bytes and returns the position behind them. */
  write(message: Message, writer: ByteWriter, position: number): number;
  /** Reads bytes[start, end). `depth` is 1 for the outermost message. */
  read(bytes: Uint8Array, start: number, end: number, depth: number): Message;
}

/**
 * Thrown by a fast path that meets something it leaves to protobuf-es. Made once: it never leaves this folder, and
 * taking a stack trace per malformed message would make malformed messages expensive.
 */
export const unusual: Error = new Error("left to protobuf-es");

/** protobuf-es refuses messages nested deeper than this; so do we. */
export const maxDepth = 100;
