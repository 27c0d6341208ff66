import { create, type DescMessage, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import type { ByteWriter } from "./byte-writer.ts";
import { compilePart } from "./compile-part.ts";
import type { Encodable, MessageCodec, MessagePart } from "./message-codec.ts";
import { ProtobufEsPart } from "./protobuf-es-part.ts";

/**
 * The codecs of all message types in use. Each has two ways to do its work:
 *
 * - the fast one, generated for the type, which handles what well-behaved peers send and is strict about it;
 * - protobuf-es, for everything else. When the fast way throws, whatever the reason, protobuf-es does the message again
 *   from its start. It decides what is valid, how it is read, and which error is thrown.
 *
 * So the generated code needs no opinion on malformed input, repeated singular messages, values of the wrong type and
 * the like, and cannot differ from protobuf-es in it. The price is that such messages cost about as much more as the
 * fast way got through; a peer that sends garbage cannot make it worse than twice protobuf-es.
 */
class Codec implements MessageCodec, MessagePart {
  // Both are replaced after construction, when the types that this one contains have their codecs.
  write: MessagePart["write"];
  read: MessagePart["read"];
  readonly #desc: DescMessage;
  readonly #fallback: ProtobufEsPart;

  constructor(desc: DescMessage) {
    this.#desc = desc;
    const fallback = new ProtobufEsPart(desc);
    this.#fallback = fallback;
    this.write = (message, writer, position) => fallback.write(message, writer, position);
    this.read = (bytes, start, end, depth) => fallback.read(bytes, start, end, depth);
  }

  encode(message: Encodable, writer: ByteWriter): number {
    const start = writer.position;
    let end: number;
    try {
      end = this.write(message as Message, writer, start);
    } catch {
      const whole = "$typeName" in message ? (message as Message) : create(this.#desc, message as InitShape);
      end = this.#fallback.write(whole, writer, start);
    }
    writer.position = end;
    return end - start;
  }

  decode(bytes: Uint8Array, start: number, end: number): Message {
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new RangeError(`no range of ${bytes.length} bytes: ${start} to ${end}`);
    }
    try {
      return this.read(bytes, start, end, 1);
    } catch {
      return this.#fallback.read(bytes, start, end, 1);
    }
  }
}

type InitShape = MessageInitShape<DescMessage>;

const codecs = new WeakMap<DescMessage, Codec>();

/** The codec of a message type. It is made the first time, and with it those of all types it contains. */
export function codecFor(desc: DescMessage): MessageCodec {
  return partFor(desc);
}

function partFor(desc: DescMessage): Codec {
  const known = codecs.get(desc);
  if (known !== undefined) {
    return known;
  }
  const codec = new Codec(desc);
  // Before compiling: a type may contain itself.
  codecs.set(desc, codec);
  const compiled = compilePart(desc, partFor);
  if (compiled !== undefined) {
    codec.write = compiled.write;
    codec.read = compiled.read;
  }
  return codec;
}
