import type { DecodedFrame } from "./decode-frame.ts";

/** The frame with those of its components that are asked for, in its own order; totals and bottleneck stay. */
export function selectComponents(decoded: DecodedFrame, ids: readonly string[]): DecodedFrame {
  const components = decoded.frame.components.filter(({ id }) => ids.includes(id));
  return { ...decoded, frame: { ...decoded.frame, components } };
}
