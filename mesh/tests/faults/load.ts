import { setTimeout as pause } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorReason } from "../../src/index.ts";
import { until } from "../../src/testing/until.ts";

/** A call that was not answered as it should have been. */
export interface Failure {
  readonly callId: string;
  readonly code: string;
  readonly reason: string | undefined;
  readonly message: string;
}

/** Calls, one after the other in each of some loops, until it is stopped. */
export interface Load {
  /** Calls answered, by who answered. */
  readonly answers: Map<string, number>;
  readonly failures: readonly Failure[];
  /** Ids of the calls that were answered. */
  readonly answered: readonly string[];
  /** Waits for `count` more calls to end, well or not, so that what follows meets traffic. */
  flows(count: number): Promise<void>;
  stop(): Promise<readonly Failure[]>;
}

let loads = 0;

/** `call` makes the call with the id it is given and tells who answered; its answers are its own to check. */
export function startLoad(loops: number, call: (callId: string) => Promise<string>): Load {
  loads += 1;
  const prefix = `${process.pid}-${loads}`;
  const answers = new Map<string, number>();
  const answered: string[] = [];
  const failures: Failure[] = [];
  let made = 0;
  let stopped = false;
  const loop = async (): Promise<void> => {
    while (!stopped) {
      made += 1;
      const callId = `${prefix}-${made}`;
      try {
        const label = await call(callId);
        answers.set(label, (answers.get(label) ?? 0) + 1);
        answered.push(callId);
      } catch (error) {
        failures.push(failureOf(callId, error));
        // Failures can be quick; the loop must not keep everybody else from running.
        await pause(5);
      }
    }
  };
  const ended = Promise.all(Array.from({ length: loops }, loop));
  return {
    answers,
    answered,
    failures,
    flows: async (count) => {
      const enough = answered.length + failures.length + count;
      await until(`${count} more calls have ended`, () => answered.length + failures.length >= enough, 120_000);
    },
    stop: async () => {
      stopped = true;
      await ended;
      return failures;
    },
  };
}

/**
 * Waits until so many instances have answered, whichever load asked. The first answer of an instance takes longest, and
 * the balancer keeps away from it for that: not every load meets every instance soon.
 */
export async function allAnswer(instances: number, ...ofLoads: readonly Load[]): Promise<void> {
  const labels = () => new Set(ofLoads.flatMap(({ answers }) => [...answers.keys()]));
  await until(`${instances} instances answer`, () => labels().size === instances, 120_000);
}

export function failureOf(callId: string, error: unknown): Failure {
  const asked = ConnectError.from(error);
  return { callId, code: Code[asked.code] ?? "", reason: errorReason(asked), message: asked.message };
}
