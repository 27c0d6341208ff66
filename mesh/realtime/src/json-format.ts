import { channelOfBinaryFrame } from "./binary-frame.ts";
import { type Format, readServerFrame, type ServerFrame } from "./protocol.ts";

/** Subprotocol weft.v1: frames are JSON text, but for those of simulations that are asked for in binary. */
export const jsonFormat: Format = {
  subprotocol: "weft.v1",
  encode: (id, command, body) => JSON.stringify({ id, [command]: body }),
  decode: (data) => (typeof data === "string" ? readJsonFrame(data) : readBinaryFrame(data)),
};

/** Reads a frame as text; undefined when it is none that this client knows. Never throws. */
export function readJsonFrame(text: string): ServerFrame | undefined {
  try {
    return readServerFrame(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function readBinaryFrame(data: unknown): ServerFrame | undefined {
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : undefined;
  const known = bytes && channelOfBinaryFrame(bytes);
  const nothing = { offset: undefined, from: undefined, key: undefined };
  return known && { kind: "push", ...known, data: bytes, ...nothing };
}
