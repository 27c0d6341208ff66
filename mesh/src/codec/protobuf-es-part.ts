import { type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { ByteWriter } from "./byte-writer.ts";
import { type MessagePart, maxDepth } from "./message-codec.ts";
import { copyInto } from "./write-values.ts";

/**
 * protobuf-es behind the same interface: for message types without generated code, and the judge of every message that
 * generated code does not want to judge.
 */
export class ProtobufEsPart implements MessagePart {
  readonly #desc: DescMessage;

  constructor(desc: DescMessage) {
    this.#desc = desc;
  }

  write(message: Message, writer: ByteWriter, position: number): number {
    const encoded = toBinary(this.#desc, message);
    return copyInto(writer.grow(position, encoded.length), position, encoded);
  }

  read(bytes: Uint8Array, start: number, end: number, depth: number): Message {
    // A copy: protobuf-es makes `bytes` fields that are windows into what it reads from.
    const copy = new Uint8Array(bytes.subarray(start, end));
    return fromBinary(this.#desc, copy, { recursionLimit: maxDepth + 1 - depth });
  }
}
