import { type Format, readServerFrame } from "../protocol.ts";
import { encodeClientFrame } from "./client-frame.ts";
import { objectOfServerFrame } from "./server-frame.ts";

/** Subprotocol weft.v1.proto: each frame is one binary WebSocket message. Give it to `connect` as the option `format`. */
export const protobuf: Format = {
  subprotocol: "weft.v1.proto",
  encode: encodeClientFrame,
  decode: (data) => {
    try {
      return data instanceof ArrayBuffer ? readServerFrame(objectOfServerFrame(new Uint8Array(data))) : undefined;
    } catch {
      return undefined;
    }
  },
};
