import type { FrameCodec } from "./frame-codec.ts";
import { jsonCodec } from "./json-codec.ts";
import { protobufCodec } from "./protobuf-codec.ts";

const codecs: readonly FrameCodec[] = [jsonCodec, protobufCodec];

export const subprotocols: readonly string[] = codecs.map(({ subprotocol }) => subprotocol);

/** Of the subprotocols that a client offers, in its order, the first that is spoken here; undefined for none. */
export function codecFor(offered: readonly string[]): FrameCodec | undefined {
  for (const name of offered) {
    const codec = codecs.find(({ subprotocol }) => subprotocol === name);
    if (codec !== undefined) {
      return codec;
    }
  }
  return undefined;
}
