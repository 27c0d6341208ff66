import {
  type DecodedFrame,
  decodeFrame,
  encodeFrame,
  FrameFormatError,
  frameJson,
  looksLikeFrame,
  selectComponents,
} from "@weft/simulator/frames";

/*
 * What a message of the live feed holds, in the forms that subscribers ask for. Simulations publish frames in bytes;
 * whatever else is published is JSON, frames of an instance of before that too. Each form is made when it is asked for, so
 * a channel without readers of JSON makes none.
 */
export interface LiveContent {
  /** As JSON text; with `components`, of a simulation's components only those. */
  json(components: readonly string[] | undefined): string;
  /** In the simulator's layout; undefined for what has no such form. */
  binary(components: readonly string[] | undefined): Uint8Array | undefined;
  /** Of what was published as JSON: the value. */
  readonly value: unknown;
}

/**
 * Of bytes, or of text that is JSON. Undefined when the payload is neither a frame that can be read nor JSON: it would
 * break whatever carries it.
 */
export function liveContentFrom(payload: Buffer | string): LiveContent | undefined {
  try {
    if (typeof payload === "string") {
      return jsonContent(payload);
    }
    return looksLikeFrame(payload)
      ? frameContent(payload, decodeFrame(payload))
      : jsonContent(payload.toString("utf8"));
  } catch (error) {
    if (error instanceof FrameFormatError || error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}

function frameContent(bytes: Uint8Array, decoded: DecodedFrame): LiveContent {
  const selected = (components: readonly string[] | undefined): DecodedFrame =>
    components === undefined ? decoded : selectComponents(decoded, components);
  return {
    value: undefined,
    json: (components) => frameJson(selected(components)),
    binary: (components) => {
      if (components === undefined) {
        return bytes;
      }
      const { frame, ...stamp } = selected(components);
      return encodeFrame(frame, stamp);
    },
  };
}

function jsonContent(json: string): LiveContent {
  const value: unknown = JSON.parse(json);
  return {
    value,
    json: (components) => {
      if (components === undefined || !hasComponents(value)) {
        return json;
      }
      const kept = value.components.filter((component) => components.includes(component?.id ?? ""));
      return JSON.stringify({ ...value, components: kept });
    },
    binary: () => undefined,
  };
}

function hasComponents(value: unknown): value is { readonly components: readonly ({ readonly id?: string } | null)[] } {
  return typeof value === "object" && value !== null && Array.isArray((value as { components?: unknown }).components);
}
