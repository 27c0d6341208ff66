import type { ContenderClient } from "../contenders/contender.ts";
import { ArrivalSchedule, LatencyRecorder } from "../latency.ts";
import { heldQuestions, isRight, type Question, questions } from "../workload.ts";
import { resources } from "./answer-orders.ts";
import type { ClosedLoopOrder, HoldResult, LoadResult, OpenLoopOrder } from "./orders.ts";

/*
 * The load itself, in the client's process. Every loop is the same for all contenders and does as little as it can beside
 * the call: what it costs is part of everyone's figure, and most of the fastest one's.
 */

/** How long the calls in flight are waited for at the end; what is missing then counts as wrong. */
const drainMs = 5_000;
/** An open loop stops to send when so many are unanswered; those due meanwhile are sent later and counted from when due. */
const mostInFlight = 4_096;

const wavesPerWindow = 4;
/** In times of what was ordered. */
const longestWindow = 3;

interface Tally {
  calls: number;
  wrong: number;
  firstError: string | undefined;
}

export async function runClosedLoop(client: ContenderClient, order: ClosedLoopOrder): Promise<LoadResult> {
  const tally: Tally = { calls: 0, wrong: 0, firstError: undefined };
  const recorder = new LatencyRecorder();
  let running = true;
  let counting = false;

  const loop = async (offset: number): Promise<void> => {
    for (let index = offset; running; index = (index + 1) & 255) {
      const asked = questions[index] as Question;
      try {
        const answer = await client.validate(asked.token);
        tally.calls += 1;
        if (!isRight(asked, answer)) {
          wrong(tally, `${asked.userId} was answered with ${JSON.stringify(answer.principal)}`);
        }
      } catch (error) {
        await failed(tally, error);
      }
    }
  };
  const timedLoop = async (offset: number): Promise<void> => {
    for (let index = offset; running; index = (index + 1) & 255) {
      const asked = questions[index] as Question;
      const sentMs = performance.now();
      try {
        const answer = await client.validate(asked.token);
        tally.calls += 1;
        if (counting) {
          recorder.record(performance.now() - sentMs);
        }
        if (!isRight(asked, answer)) {
          wrong(tally, `${asked.userId} was answered with ${JSON.stringify(answer.principal)}`);
        }
      } catch (error) {
        await failed(tally, error);
      }
    }
  };

  const loops = Array.from({ length: order.inFlight }, (_, index) => (order.latency ? timedLoop : loop)(index & 255));
  await sleep(order.warmUpMs);
  counting = true;
  const before = resources();
  const callsBefore = tally.calls;
  // With many in flight a slow contender answers in waves; a window that holds two of them measures the waves.
  const enough = callsBefore + wavesPerWindow * order.inFlight;
  const longestMs = before.atMs + longestWindow * order.measureMs;
  await sleep(order.measureMs);
  while (tally.calls < enough && performance.now() < longestMs) {
    await sleep(20);
  }
  const after = resources();
  const calls = tally.calls - callsBefore;
  running = false;
  await within(Promise.all(loops), tally);
  return result(tally, recorder, calls, before, after);
}

/** A latency counts from when its call was due, so that whatever delays the pacer counts too. */
export async function runOpenLoop(
  client: ContenderClient,
  order: Omit<OpenLoopOrder, "kind">,
  asked: readonly Question[] = questions,
): Promise<LoadResult> {
  const tally: Tally = { calls: 0, wrong: 0, firstError: undefined };
  const recorder = new LatencyRecorder();
  const startMs = performance.now() + 5;
  const countFromMs = startMs + order.warmUpMs;
  const schedule = new ArrivalSchedule({
    startMs,
    callsPerSecond: order.callsPerSecond,
    durationMs: order.warmUpMs + order.measureMs,
  });
  let inFlight = 0;
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();

  const call = async (dueMs: number, question: Question): Promise<void> => {
    inFlight += 1;
    try {
      const answer = await client.validate(question.token);
      if (!isRight(question, answer)) {
        wrong(tally, `${question.userId} was answered with ${JSON.stringify(answer.principal)}`);
      }
    } catch (error) {
      wrong(tally, messageOf(error));
    }
    inFlight -= 1;
    if (dueMs >= countFromMs) {
      tally.calls += 1;
      recorder.record(performance.now() - dueMs);
    }
    if (inFlight === 0 && schedule.finished) {
      finish();
    }
  };
  const turn = (): void => {
    const nowMs = performance.now();
    while (inFlight < mostInFlight) {
      const index = schedule.issued % asked.length;
      const dueMs = schedule.take(nowMs);
      if (dueMs === undefined) {
        break;
      }
      void call(dueMs, asked[index] as Question);
    }
    if (!schedule.finished && nowMs < startMs + order.warmUpMs + order.measureMs + drainMs) {
      setTimeout(turn, 1);
    }
  };

  setTimeout(turn, 1);
  await sleep(order.warmUpMs);
  const before = resources();
  await sleep(order.measureMs);
  const after = resources();
  await within(done, tally);
  const missing = schedule.total - schedule.issued;
  if (missing > 0) {
    wrong(tally, `${missing} calls that were due could not be sent`);
  }
  return result(tally, recorder, tally.calls, before, after);
}

/** Sends calls that stay unanswered until the server lets them go; `finished` says how they ended. */
export function holdCalls(client: ContenderClient, calls: number): { readonly finished: Promise<HoldResult> } {
  const tally: Tally = { calls: 0, wrong: 0, firstError: undefined };
  const all = Array.from({ length: calls }, async (_, index) => {
    const asked = heldQuestions[index & 255] as Question;
    try {
      if (!isRight(asked, await client.validate(asked.token))) {
        wrong(tally, "a held call was answered wrongly");
      }
    } catch (error) {
      wrong(tally, messageOf(error));
    }
  });
  return { finished: Promise.all(all).then(() => ({ wrong: tally.wrong, firstError: tally.firstError })) };
}

function result(
  tally: Tally,
  recorder: LatencyRecorder,
  calls: number,
  before: { cpuMs: number; atMs: number },
  after: { cpuMs: number; atMs: number },
): LoadResult {
  return {
    calls,
    ...(calls === 0
      ? { wrong: tally.wrong + 1, firstError: tally.firstError ?? "no call was answered in the time" }
      : { wrong: tally.wrong, firstError: tally.firstError }),
    elapsedMs: after.atMs - before.atMs,
    cpuMicrosPerCall: calls === 0 ? 0 : ((after.cpuMs - before.cpuMs) * 1000) / calls,
    p50Ms: recorder.percentileMs(50),
    p99Ms: recorder.percentileMs(99),
  };
}

function wrong(tally: Tally, message: string): void {
  tally.wrong += 1;
  tally.firstError ??= message;
}

/** A loop whose calls fail at once would never let the process do anything else. */
async function failed(tally: Tally, error: unknown): Promise<void> {
  wrong(tally, messageOf(error));
  await sleep(1);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function within(promise: Promise<unknown>, tally: Tally): Promise<void> {
  const { promise: limit, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(resolve, drainMs, "late" as const);
  const first = await Promise.race([promise, limit]);
  clearTimeout(timer);
  if (first === "late") {
    wrong(tally, `calls were still unanswered after ${drainMs} ms`);
  }
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
}
