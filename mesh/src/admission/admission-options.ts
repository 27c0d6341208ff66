import { MeshError } from "../errors.ts";
import type { GradientLimitOptions } from "./gradient-limit.ts";
import { assertPriorities, type PriorityOptions } from "./priority.ts";

/** How a service protects itself from more calls than it can answer; safe as it is, so most services say nothing. */
export interface AdmissionOptions {
  /** Which calls go first when not all can (admission/priority.ts); all are alike when absent. */
  readonly priorities?: PriorityOptions;
  /** Calls worked on at once, whatever their latency; 4096 when absent: at some 10 kB each, memory is no concern yet. */
  readonly maxInFlight?: number;
  /** Calls that may wait; 1024 when absent: four full batches of a lane. What is refused beyond may go elsewhere at once. */
  readonly maxQueued?: number;
  /**
   * Where the adaptive limit begins and where it rests; 512 when absent, so that two full batches of a lane start at once. It
   * grows within a few windows of 100 ms while latency stays what it is: hundreds of calls that wait for a database are
   * healthy. Higher, a slow dependency has more waiting in front of it before its latency can tell.
   */
  readonly initialLimit?: number;
  /** The adaptive limit stays at or above this; 4 when absent: handlers that compute gain nothing from more. */
  readonly minLimit?: number;
  /** Latency may be this many times its uncongested level before the limit falls; 2 when absent. */
  readonly latencyTolerance?: number;
  /** Latency above that which is never held against anybody; 5 ms when absent: several batches of cheap calls. */
  readonly latencySlackMs?: number;
  /** How long a line of waiting calls may stand before any of them is given up; 100 ms when absent, CoDel's interval. */
  readonly standingAfterMs?: number;
  /**
   * How long every call may wait in a standing line; 20 ms when absent: a caller with 100 ms can still go elsewhere. One that
   * gives more time waits for a tenth of it, up to a second.
   */
  readonly standingWaitMs?: number;
  /**
   * How late the event loop may run, for 400 ms on end, before calls are refused; 100 ms when absent: neighbours on a busy
   * machine make a loop late by some 20 ms at a time, and no call of theirs can be refused for it. Callers with deadlines of
   * that order want less.
   */
  readonly eventLoopDelayMs?: number;
  /** How long a limited server goes without seeing its uncongested latency before it lowers the limit to look; a minute. */
  readonly probeIntervalMs?: number;
}

/** Every option with its value; `enabled` is false when the service has switched admission off. */
export interface ResolvedAdmissionOptions extends GradientLimitOptions {
  readonly enabled: boolean;
  readonly priorities: PriorityOptions;
  readonly maxQueued: number;
  readonly standingAfterMs: number;
  readonly standingWaitMs: number;
  readonly eventLoopDelayMs: number;
}

type NumericOption = Exclude<keyof AdmissionOptions, "priorities">;

interface NumericRule {
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
}

/** One table: defaults and what is accepted. */
export const admissionDefaults = {
  maxInFlight: { value: 4096, min: 1, max: 1_000_000, whole: true },
  maxQueued: { value: 1024, min: 0, max: 1_000_000, whole: true },
  initialLimit: { value: 512, min: 1, max: 1_000_000, whole: true },
  minLimit: { value: 4, min: 1, max: 10_000, whole: true },
  latencyTolerance: { value: 2, min: 1.1, max: 10, whole: false },
  latencySlackMs: { value: 5, min: 0, max: 10_000, whole: false },
  standingAfterMs: { value: 100, min: 10, max: 60_000, whole: false },
  standingWaitMs: { value: 20, min: 1, max: 60_000, whole: false },
  eventLoopDelayMs: { value: 100, min: 5, max: 10_000, whole: false },
  probeIntervalMs: { value: 60_000, min: 1000, max: 3_600_000, whole: false },
} as const satisfies Record<NumericOption, NumericRule>;

/** `false` switches admission off. Throws CONFIG_INVALID, naming the option and what it takes. */
export function resolveAdmissionOptions(options: AdmissionOptions | false | undefined): ResolvedAdmissionOptions {
  const given = options === false || options === undefined ? {} : options;
  const priorities = given.priorities ?? {};
  assertPriorities(priorities);
  const known: Record<string, number> = {};
  for (const [name, rule] of Object.entries(admissionDefaults)) {
    known[name] = numberWithin(name, given[name as NumericOption], rule);
  }
  for (const name of Object.keys(given)) {
    if (!(name in known) && name !== "priorities") {
      throw new MeshError(
        "CONFIG_INVALID",
        `admission.${name} is no option; there are priorities, ${Object.keys(known).join(", ")}`,
      );
    }
  }
  const resolved = { ...(known as Record<NumericOption, number>), priorities, enabled: options !== false };
  if (resolved.minLimit > resolved.maxInFlight) {
    throw new MeshError(
      "CONFIG_INVALID",
      `admission.minLimit (${resolved.minLimit}) is above admission.maxInFlight (${resolved.maxInFlight})`,
    );
  }
  return resolved;
}

function numberWithin(name: string, given: number | undefined, rule: NumericRule): number {
  if (given === undefined) {
    return rule.value;
  }
  const sound = Number.isFinite(given) && given >= rule.min && given <= rule.max;
  if (!sound || (rule.whole && !Number.isInteger(given))) {
    const kind = rule.whole ? "a whole number" : "a number";
    throw new MeshError(
      "CONFIG_INVALID",
      `admission.${name} takes ${kind} from ${rule.min} to ${rule.max}, not ${given}`,
    );
  }
  return given;
}
