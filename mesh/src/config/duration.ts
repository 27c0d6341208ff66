import { MeshError } from "../errors.ts";

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A duration from the environment: a number with its unit ("250ms", "10s", "5m"), as milliseconds. A bare number is
 * refused, since nobody remembers which unit it meant.
 */
export function parseDurationMs(name: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  const unitMs = unitsMs[match?.[2] ?? ""];
  if (match === null || unitMs === undefined) {
    throw new MeshError(
      "CONFIG_INVALID",
      `${name} is "${text}"; write a number with a unit: ms, s, m, h or d, such as 10s`,
    );
  }
  return Number(match[1]) * unitMs;
}
