import { setTimeout as pause } from "node:timers/promises";
import { until } from "@weft/mesh/testing";
import type { Answer } from "./system.ts";

/*
 * Calls that go on while a test does something to the system, and what became of them.
 */
export interface Traffic {
  readonly answers: readonly Answer[];
  stop(): Promise<readonly Answer[]>;
}

export interface TrafficOptions {
  /** Calls at a time; 4 when absent. */
  readonly concurrency?: number;
  /** Between an answer and the next call: steady load. As much as the machine can take when absent. */
  readonly pauseMs?: number;
}

/** The same call again and again until told to stop. One that throws counts as an answer with status 0. */
export function traffic(make: () => Promise<Answer>, { concurrency = 4, pauseMs = 0 }: TrafficOptions = {}): Traffic {
  let stopped = false;
  const answers: Answer[] = [];
  const loops = Array.from({ length: concurrency }, async () => {
    while (!stopped) {
      answers.push(
        await make().catch((error: unknown) => ({
          ...{ status: 0, headers: new Headers() },
          body: { message: describe(error) },
        })),
      );
      if (pauseMs > 0) {
        await pause(pauseMs);
      }
    }
  });
  return {
    answers,
    stop: async () => {
      stopped = true;
      await Promise.all(loops);
      return answers;
    },
  };
}

/** Grows by `count` answers before the test goes on, so that what follows meets traffic. */
export function flows(load: Traffic, count = 20): Promise<unknown> {
  const seen = load.answers.length;
  return until("traffic flows", () => load.answers.length >= seen + count);
}

/** What did not go well, in short. */
export function failed(answers: readonly Answer[]): readonly Pick<Answer, "status" | "body">[] {
  return answers.filter(({ status }) => status !== 200).map(({ status, body }) => ({ status, body }));
}

/** An error with its causes: what a caller is told leaves out why. */
function describe(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? `${error}; ${describe(error.cause)}` : String(error);
}
