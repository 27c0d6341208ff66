import { describe, expect, test } from "vitest";
import type { Call } from "./call.ts";
import { compileModel } from "./model.ts";
import type { RunComponent } from "./run-component.ts";
import type { RunLink } from "./run-link.ts";
import { RunState } from "./run-state.ts";
import { singleStation } from "./scenario.ts";
import { none, stage, type Visit } from "./visit.ts";
import { TooManyRequestsError } from "./visit-pool.ts";

function aRun(maxRequestsInSystem = 100) {
  const model = compileModel(singleStation(1, {}));
  const run = new RunState(model, { seed: 1, lanes: true, maxRequestsInSystem, traceEvery: 0, maxTracedSpans: 0 });
  return { ...run, component: run.components[1] as RunComponent, link: run.links[0] as RunLink };
}

/** What a new one must be like, whatever it was before; the rest is set when it is needed. */
const freshVisit = {
  ...{ stage: stage.travelling, call: undefined, firstCall: undefined, hasFailed: false, hasSlot: false },
  ...{ isCancelled: false, span: none, linkCursor: -1, callsLeft: 0, awaitedCalls: 0 },
  ...{ dueSequence: 0, cancelSequence: 0 },
} satisfies Partial<Visit>;
const freshCall = {
  ...{ isFree: false, attempt: 0, hedge: 0, attemptsMade: 0, dueSequence: 0, hedgeSequence: 0 },
  ...{ holdsConnection: 0, key: none, span: none },
} satisfies Partial<Call>;

describe("a pool", () => {
  test("uses visits again, and each is then as new", () => {
    const { visits, calls, component, link } = aRun();
    const first = visits.acquire(component);
    expect(first).toMatchObject(freshVisit);
    const call = calls.acquire(link, first);
    Object.assign(first, { stage: stage.calling, call, firstCall: call, hasFailed: true, hasSlot: true });
    Object.assign(first, { isCancelled: true, span: 7, linkCursor: 3, callsLeft: 2, awaitedCalls: 4 });
    Object.assign(first, { dueSequence: 11, cancelSequence: 12 });
    visits.release(first);
    expect(visits.acquire(component)).toBe(first);
    expect(first).toMatchObject(freshVisit);
    expect(visits.acquire(component).index).toBe(1);
  });

  test("uses calls again, and each is then as new", () => {
    const { calls, link } = aRun();
    const first = calls.acquire(link, undefined);
    expect(first).toMatchObject(freshCall);
    Object.assign(first, { attempt: 5, hedge: 6, attemptsMade: 2, dueSequence: 7, hedgeSequence: 8 });
    Object.assign(first, { holdsConnection: 1, key: 3, span: 9 });
    calls.release(first);
    expect(first).toMatchObject({ isFree: true, attempt: 0, hedge: 0, dueSequence: 0, hedgeSequence: 0 });
    expect(calls.acquire(link, undefined)).toBe(first);
    expect(first).toMatchObject(freshCall);
  });

  test("of visits refuses more than its limit, until one is released", () => {
    const { visits, component } = aRun(2);
    const one = visits.acquire(component);
    visits.acquire(component);
    expect(() => visits.acquire(component)).toThrow(TooManyRequestsError);
    visits.release(one);
    expect(visits.acquire(component)).toBe(one);
  });
});
