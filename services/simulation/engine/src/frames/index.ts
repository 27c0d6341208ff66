export { type DecodedFrame, decodeFrame, looksLikeFrame } from "./decode-frame.ts";
export { encodeFrame, restampFrame } from "./encode-frame.ts";
export { FrameFormatError } from "./frame-format-error.ts";
export { frameJson } from "./frame-json.ts";
export { selectComponents } from "./select-components.ts";
export { traceMessage } from "./trace-message.ts";
