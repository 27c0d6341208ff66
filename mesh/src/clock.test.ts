import { describe, expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import { FakeClock } from "./testing/fake-clock.ts";

describe("systemClock", () => {
  test("fires a timer once", async () => {
    await new Promise<void>((resolve) => systemClock.setTimer(resolve, 1, { ref: true }));
  });

  test("does not fire a timer at once when its delay exceeds 32 bits", async () => {
    let fired = false;
    const timer = systemClock.setTimer(() => {
      fired = true;
    }, 2 ** 40);
    await systemClock.sleep(5);
    timer.cancel();
    expect(fired).toBe(false);
  });

  test("reads a wall clock and a clock that does not go back", () => {
    const first = systemClock.monotonicMs();
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(first);
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
  });

  test("rejects a sleep with the reason of its signal", async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(60_000, controller.signal);
    controller.abort(new Error("closing"));
    await expect(sleeping).rejects.toThrow("closing");
    await expect(systemClock.sleep(1, controller.signal)).rejects.toThrow("closing");
  });
});

describe("FakeClock", () => {
  test("fires timers in the order of their due times, at their due times", async () => {
    const clock = new FakeClock(1000);
    const fired: [string, number][] = [];
    clock.setTimer(() => fired.push(["late", clock.now()]), 20);
    clock.setTimer(() => fired.push(["early", clock.now()]), 10);
    clock.setTimer(() => fired.push(["never", clock.now()]), 10).cancel();
    clock.setTimer(() => fired.push(["tie", clock.now()]), 10);
    await clock.advance(25);
    expect(fired).toEqual([
      ["early", 1010],
      ["tie", 1010],
      ["late", 1020],
    ]);
    expect(clock.now()).toBe(1025);
    expect(clock.monotonicMs()).toBe(25);
  });

  test("sees timers that an awaiting function sets after a fired one", async () => {
    const clock = new FakeClock();
    const wokenAtMs: number[] = [];
    const loop = async () => {
      for (let round = 0; round < 3; round++) {
        await clock.sleep(10);
        wokenAtMs.push(clock.monotonicMs());
      }
    };
    const done = loop();
    await clock.advance(30);
    await done;
    expect(wokenAtMs).toEqual([10, 20, 30]);
    expect(clock.pendingTimers).toBe(0);
  });
});
