/** One fault of a game day's file, its fields under their names in the file (game-day.ts). Limits are checked later. */
import type { ModelIssue } from "../model-error.ts";
import type { AbortRule, Fault } from "./fault.ts";
import { familyOf, faultKinds } from "./fault-families.ts";
import { fieldsOf } from "./plan-faults.ts";

export type Unknown = { readonly [field: string]: unknown };

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const times: Readonly<Record<string, string>> = { at: "startMs", for: "durationMs", ramp: "rampMs" };

/** "1.5s" in ms, numbers as they are; anything else comes back unchanged. */
export function readDuration(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const [, amount, unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h)\s*$/.exec(value) ?? [];
  return amount === undefined ? value : Number(amount) * (unitMs[unit] as number);
}

/** "errors>50% for 10s", "p99>2s for 5s", "inFlight>1000 for 0s"; undefined when it is no such sentence. */
export function readAbortRule(text: string): AbortRule | undefined {
  const pattern = /^\s*(errors|p50|p99|inFlight)\s*>=?\s*([\d.]+)\s*(%|ms|s|m|)\s+for\s+(\S+)\s*$/;
  const [, figure, amount = "", unit = "", length] = pattern.exec(text) ?? [];
  const forMs = readDuration(length);
  const times =
    figure === "errors"
      ? unit === "%"
        ? 0.01
        : unit === ""
          ? 1
          : undefined
      : figure === "inFlight"
        ? unit === ""
          ? 1
          : undefined
        : unitMs[unit];
  const above = Number(amount) * (times ?? Number.NaN);
  if (figure === undefined || typeof forMs !== "number" || !Number.isFinite(above)) return undefined;
  return { figure: figure as AbortRule["figure"], above: Number(above.toPrecision(12)), forMs };
}

/** The fault in a list, empty when it is not even of a kind; what cannot be read is added to the issues. */
export function readFault(given: unknown, index: number, issues: ModelIssue[]): Fault[] {
  const refuse = (field: string, message: string) => {
    issues.push({ field, message: `fault ${index + 1}: ${message}` });
    return [];
  };
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    return refuse("faults", "allowed are fields: kind, on, at, for and those of the kind");
  }
  const entry = given as Unknown;
  const family = familyOf(String(entry.kind));
  if (family === undefined) return refuse("kind", `kind is "${entry.kind}"; allowed are ${faultKinds.join(", ")}`);
  const fault: Record<string, unknown> = family.isMomentary === true ? { durationMs: 0 } : {};
  const known = fieldsOf(family);
  for (const [name, value] of Object.entries(entry)) {
    const field = Object.hasOwn(times, name)
      ? (times[name] as string)
      : known.includes(`${name}Ms`)
        ? `${name}Ms`
        : name;
    if (field.endsWith("Ms")) {
      const read = readDuration(value);
      if (typeof read !== "number") {
        refuse(name, `${name} is ${JSON.stringify(value)}; write a number with a unit: ms, s, m or h, such as 10s`);
      }
      fault[field] = typeof read === "number" ? read : 0;
    } else if (field === "on") {
      fault.on = Array.isArray(value) ? value.map(String) : [String(value)];
    } else if (field === "extra") {
      fault.extra = readDistribution(value);
    } else if (field === "abort" && typeof value === "string") {
      fault.abort = readAbortRule(value);
      if (fault.abort === undefined) {
        refuse(
          "abort",
          `abort is "${value}"; write a figure (errors, p50, p99, inFlight), a limit and a time: errors>50% for 10s`,
        );
      }
    } else {
      fault[field] = value;
    }
  }
  return [{ on: [], ...fault } as unknown as Fault];
}

/** "80ms" is a constant; of fields `mean` and `max` may have units. */
function readDistribution(value: unknown): unknown {
  const constantMs = readDuration(value);
  if (typeof constantMs === "number") return { kind: "constant", meanMs: constantMs, cv: 0 };
  if (typeof value !== "object" || value === null) return value;
  const { mean, max, ...rest } = value as Unknown;
  return {
    cv: 1,
    ...rest,
    ...(mean === undefined ? {} : { meanMs: readDuration(mean) }),
    ...(max === undefined ? {} : { maxMs: readDuration(max) }),
  };
}
