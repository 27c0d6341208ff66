/**
 * Parsed JSON of unknown shape, read without trusting any of it. Nothing here throws but `CalibrationError`, which names
 * the place: a trace file is somebody else's, and any JSON at all may be in it.
 */
export class CalibrationError extends Error {
  override readonly name = "CalibrationError";
}

export type JsonMap = Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An own field only: a key such as "constructor" must not find what every object has. */
export function field(map: unknown, key: string): unknown {
  return isMap(map) && Object.hasOwn(map, key) ? map[key] : undefined;
}

/** Empty when it is absent or no list. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Cut to a length that no name needs to exceed; undefined when it is no text or empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value.slice(0, 200) : undefined;
}

/** How a value is called in an error: "a list", "text", "null". */
export function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
