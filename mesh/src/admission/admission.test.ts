import { beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { Admission } from "./admission.ts";
import { type AdmissionOptions, resolveAdmissionOptions } from "./admission-options.ts";
import type { AdmissionTicket } from "./ticket-queue.ts";

let clock: FakeClock;
beforeEach(() => {
  clock = new FakeClock();
});

function admissionWith(options: AdmissionOptions | false): Admission {
  return new Admission(resolveAdmissionOptions(options), { clock, random: seededRandom(1) });
}

/** Room for one, and then one more in the queue unless told otherwise. */
function full(options: AdmissionOptions = {}): Admission {
  const admission = admissionWith({ maxInFlight: 1, minLimit: 1, ...options });
  expect(admission.tryEnter(2, clock.monotonicMs())).toBe(true);
  return admission;
}

/** Says what became of it; `onAdmitted` runs when it is let in. */
class Caller implements AdmissionTicket {
  readonly priority: number;
  readonly deadlineMs: number;
  readonly onAdmitted: () => void;
  ticketNext: AdmissionTicket | undefined = undefined;
  ticketPrevious: AdmissionTicket | undefined = undefined;
  ticketQueuedAtMs = -1;
  fate = "waits";
  retryAfterMs = 0;

  constructor(priority = 2, deadlineMs = Number.POSITIVE_INFINITY, onAdmitted: () => void = () => {}) {
    this.priority = priority;
    this.deadlineMs = deadlineMs;
    this.onAdmitted = onAdmitted;
  }

  admitted(): void {
    this.fate = "admitted";
    this.onAdmitted();
  }

  refused(retryAfterMs: number, reason: string): void {
    this.fate = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Goes the way of a call. */
function arrive(admission: Admission, caller: Caller): Caller {
  if (admission.tryEnter(caller.priority, clock.monotonicMs())) {
    caller.admitted();
  } else {
    admission.enqueue(caller, clock.monotonicMs());
  }
  return caller;
}

function leave(admission: Admission, priority = 2): void {
  admission.leave(priority, clock.monotonicMs(), clock.monotonicMs(), "ok");
}

describe("with room", () => {
  test("calls start at once and are counted until they leave", () => {
    const admission = admissionWith({ maxInFlight: 2, minLimit: 1 });
    expect([arrive(admission, new Caller()).fate, arrive(admission, new Caller()).fate]).toEqual([
      "admitted",
      "admitted",
    ]);
    expect([admission.limit, admission.inFlight, admission.queued]).toEqual([2, 2, 0]);
    leave(admission);
    expect(admission.inFlight).toBe(1);
  });

  test("nobody overtakes who waits and is as important", () => {
    const admission = full();
    const waiting = arrive(admission, new Caller(1));
    expect([admission.tryEnter(1, 0), admission.tryEnter(0, 0)]).toEqual([false, false]);
    leave(admission);
    expect(waiting.fate).toBe("admitted");
  });
});

describe("more important calls", () => {
  test("do not wait for less important ones, and have some to spare among themselves", () => {
    const admission = admissionWith({ initialLimit: 2, minLimit: 1 });
    const enter = (priority: number) => [0, 0, 0, 0].map(() => admission.tryEnter(priority, 0)).filter(Boolean).length;
    expect([enter(2), enter(3), enter(1), enter(0)]).toEqual([2, 0, 3, 4]);
  });

  test("never pass the maximum", () => {
    const admission = admissionWith({ initialLimit: 2, minLimit: 1, maxInFlight: 3 });
    expect([2, 2, 0, 0].map((priority) => admission.tryEnter(priority, 0))).toEqual([true, true, true, false]);
  });
});

describe("without room", () => {
  test("the most important goes first, then the one that came first", () => {
    const admission = full();
    const callers = [2, 2, 0].map((priority) => arrive(admission, new Caller(priority)));
    const order: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      leave(admission, callers[order.at(-1) ?? 0]?.priority);
      order.push(callers.findIndex((caller, index) => caller.fate === "admitted" && !order.includes(index)));
    }
    expect(order).toEqual([2, 0, 1]);
  });

  test("a handler that answers at once makes room for the next without deepening the stack", () => {
    const admission = full({ maxQueued: 100_000 });
    const callers = Array.from({ length: 50_000 }, () =>
      arrive(admission, new Caller(2, Number.POSITIVE_INFINITY, () => leave(admission))),
    );
    leave(admission);
    expect(callers.every((caller) => caller.fate === "admitted")).toBe(true);
    expect([admission.inFlight, admission.queued]).toEqual([0, 0]);
  });

  test("a full queue refuses at once, and says when to come back", () => {
    const admission = full({ maxQueued: 1 });
    arrive(admission, new Caller());
    const refused = arrive(admission, new Caller());
    expect(refused.fate).toBe("queue_full");
    expect(refused.retryAfterMs).toBeGreaterThan(0);
  });

  test("a more important call takes the place of the least important", () => {
    const admission = full({ maxQueued: 2 });
    const callers = [3, 2, 1].map((priority) => arrive(admission, new Caller(priority)));
    expect(callers.map((caller) => caller.fate)).toEqual(["evicted", "waits", "waits"]);
  });

  test("a call whose deadline comes before an answer could is refused at once", async () => {
    const admission = admissionWith({ maxInFlight: 1, minLimit: 1 });
    for (let call = 0; call < 120; call += 1) {
      admission.tryEnter(2, clock.monotonicMs());
      await clock.advance(10);
      admission.leave(2, clock.monotonicMs() - 10, clock.monotonicMs(), "ok");
    }
    admission.tryEnter(2, clock.monotonicMs());
    const nowMs = clock.monotonicMs();
    const callers = [5, 15].map((patienceMs) => arrive(admission, new Caller(2, nowMs + patienceMs)));
    expect(callers.map((caller) => caller.fate)).toEqual(["deadline", "waits"]);
  });

  test("a call whose caller has gone is forgotten", () => {
    const admission = full();
    const gone = arrive(admission, new Caller());
    admission.withdraw(gone);
    admission.withdraw(gone);
    leave(admission);
    expect([gone.fate, admission.queued, admission.inFlight]).toEqual(["waits", 0, 0]);
  });

  test("those that waited too long are refused once the line has stood for 100 ms, and the newest is served", async () => {
    const admission = full();
    const hasty = () => arrive(admission, new Caller(2, clock.monotonicMs() + 200));
    const oldest = hasty();
    await clock.advance(95);
    const newer = hasty();
    const newest = hasty();
    await clock.advance(15);
    expect([oldest.fate, newer.fate, newest.fate]).toEqual(["waited_too_long", "waits", "waits"]);
    leave(admission);
    expect([newer.fate, newest.fate]).toEqual(["waits", "admitted"]);
  });

  test("callers who each wait for their answer are served in turn, however long the line stands", async () => {
    const admission = admissionWith({ maxInFlight: 8, minLimit: 8 });
    const callers: Caller[] = [];
    const waitedMs: number[] = [];
    const ask = (): void => {
      const askedAtMs = clock.monotonicMs();
      const caller = new Caller(2, askedAtMs + 10_000, () => {
        const startedAtMs = clock.monotonicMs();
        waitedMs.push(startedAtMs - askedAtMs);
        clock.setTimer(() => {
          admission.leave(2, startedAtMs, clock.monotonicMs(), "ok");
          ask();
        }, 10);
      });
      callers.push(arrive(admission, caller));
    };
    for (let caller = 0; caller < 32; caller += 1) {
      ask();
    }
    await clock.advance(3000);
    expect(waitedMs.length).toBeGreaterThan(2000);
    expect(Math.max(...waitedMs)).toBeLessThanOrEqual(40);
    expect(new Set(callers.map(({ fate }) => fate))).toEqual(new Set(["admitted", "waits"]));
  });

  test("closing refuses what waits and leaves no timer", () => {
    const admission = full();
    const waiting = arrive(admission, new Caller());
    admission.close();
    expect([waiting.fate, clock.pendingTimers]).toEqual(["stopped", 0]);
  });
});

describe("the beat", () => {
  test("stops when nothing goes on", async () => {
    const admission = admissionWith({});
    expect(clock.pendingTimers).toBe(0);
    admission.tryEnter(2, 0);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(300);
    expect(clock.pendingTimers).toBe(0);
    admission.leave(2, 0, clock.monotonicMs(), "ignored");
    expect(admission.inFlight).toBe(0);
  });

  test("lets latency lower the limit, and a rest restore it", async () => {
    const admission = admissionWith({});
    const run = async (latencyMs: number, calls: number) => {
      for (let call = 0; call < calls; call += 1) {
        admission.tryEnter(2, clock.monotonicMs());
        admission.leave(2, clock.monotonicMs() - latencyMs, clock.monotonicMs(), "ok");
        await clock.advance(1);
      }
    };
    await run(10, 150);
    expect(admission.limit).toBe(512);
    await run(100, 150);
    expect(admission.limit).toBeLessThan(100);
    await clock.advance(2000);
    admission.tryEnter(2, clock.monotonicMs());
    expect(admission.limit).toBe(512);
  });

  test("is not told anything by calls that are ignored", async () => {
    const admission = admissionWith({});
    for (let call = 0; call < 300; call += 1) {
      admission.tryEnter(2, clock.monotonicMs());
      admission.leave(2, clock.monotonicMs() - call * 10, clock.monotonicMs(), "ignored");
      await clock.advance(1);
    }
    expect(admission.limit).toBe(512);
  });
});

test("switched off, it lets everything in and only counts", () => {
  const admission = admissionWith(false);
  for (let call = 0; call < 10_000; call += 1) {
    expect(admission.tryEnter(3, 1e9)).toBe(true);
  }
  expect([admission.inFlight, admission.limit, clock.pendingTimers]).toEqual([10_000, Number.POSITIVE_INFINITY, 0]);
});

test("it knows the declared priorities", () => {
  const admission = admissionWith({ priorities: { methods: { "a.B/C": 0 } } });
  expect([admission.priorityOf("a.B/C", undefined), admission.priorityOf("a.B/D", "x")]).toEqual([0, 2]);
});
