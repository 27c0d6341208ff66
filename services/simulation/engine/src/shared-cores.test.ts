import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventQueue } from "./event-queue.ts";
import { SharedCores } from "./shared-cores.ts";

const instance = 3;

/** One instance with so many cores; `until` answers who ended when. */
function coresOf(cpus: number) {
  const queue = new EventQueue();
  const cores = new SharedCores<number>(queue);
  cores.add(instance, cpus);
  const endedNs = new Map<number, number>();
  const until = (timeNs: number) => {
    while (queue.nextTimeNs <= timeNs) {
      queue.pop();
      const visit = cores.takeEnd(queue.subject, queue.sequence);
      if (visit !== undefined) endedNs.set(visit, queue.nowNs);
    }
    queue.nowNs = timeNs;
    return endedNs;
  };
  return { cores, until };
}

describe("shared cores", () => {
  test("give one request one core at most, and several an equal share", () => {
    const { cores, until } = coresOf(2);
    cores.start(1, instance, 100);
    until(50);
    cores.start(2, instance, 100);
    cores.start(3, instance, 100);
    // 50 of request 1 are left at two thirds of a core: it ends at 125, and the other two go on with a core each.
    expect(until(1000)).toEqual(
      new Map([
        [1, 125],
        [2, 175],
        [3, 175],
      ]),
    );
  });

  test("go on faster when one is taken away", () => {
    const { cores, until } = coresOf(1);
    cores.start(1, instance, 100);
    cores.start(2, instance, 100);
    until(100);
    cores.remove(2, instance);
    expect(until(1000)).toEqual(new Map([[1, 150]]));
    expect(cores.working(instance)).toBe(0);
  });

  test("end all work later by exactly a pause, also work that begins in it", () => {
    const { cores, until } = coresOf(1);
    cores.start(1, instance, 100);
    until(40);
    cores.pause(instance, 1000);
    until(500);
    cores.start(2, instance, 30);
    // From 1040 on both have half: 2 ends after 60, 1 has then 30 left.
    expect(until(5000)).toEqual(
      new Map([
        [2, 1100],
        [1, 1130],
      ]),
    );
  });

  test("do what a fluid that is reckoned step by step does", () => {
    fc.assert(
      fc.property(fc.constantFrom(0.3, 1, 2.5, 4), fc.array(step, { minLength: 1, maxLength: 40 }), (cpus, steps) => {
        const { cores, until } = coresOf(cpus);
        const fluid = new Fluid(cpus);
        let timeNs = 0;
        let started = 0;
        const working = () => [...fluid.leftNs.keys()].filter((visit) => !until(timeNs).has(visit));
        for (const { gapNs, what, amount } of steps) {
          timeNs += gapNs;
          until(timeNs);
          fluid.until(timeNs);
          if (what === "start") {
            cores.start(started, instance, amount);
            fluid.leftNs.set(started++, amount);
          } else if (what === "pause") {
            cores.pause(instance, amount);
            fluid.pausedUntilNs = Math.max(fluid.pausedUntilNs, timeNs) + amount;
          } else if (working().length > 0) {
            const visit = working()[amount % working().length] as number;
            cores.remove(visit, instance);
            fluid.leftNs.delete(visit);
          }
        }
        const ended = until(1e9);
        fluid.until(1e9);
        expect([...ended.keys()].sort()).toEqual([...fluid.endedNs.keys()].sort());
        // Every end is put to the next whole nanosecond, which the next ends inherit.
        for (const [visit, atNs] of ended) {
          expect(Math.abs(atNs - (fluid.endedNs.get(visit) ?? Number.NaN))).toBeLessThanOrEqual(started + 1);
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});

const step = fc.record({
  gapNs: fc.integer({ min: 0, max: 2000 }),
  what: fc.constantFrom("start" as const, "start" as const, "start" as const, "remove" as const, "pause" as const),
  amount: fc.integer({ min: 0, max: 5000 }),
});

/** Processor sharing as its definition says it: what is left of every request, brought down at the rate of the moment. */
class Fluid {
  readonly leftNs = new Map<number, number>();
  readonly endedNs = new Map<number, number>();
  pausedUntilNs = 0;
  readonly #cpus: number;
  #nowNs = 0;

  constructor(cpus: number) {
    this.#cpus = cpus;
  }

  until(timeNs: number): void {
    this.#nowNs = Math.max(this.#nowNs, Math.min(timeNs, this.pausedUntilNs));
    while (this.leftNs.size > 0 && this.#nowNs < timeNs) {
      const rate = Math.min(1, this.#cpus / this.leftNs.size);
      const least = Math.min(...this.leftNs.values());
      const lengthNs = Math.min(timeNs - this.#nowNs, least / rate);
      this.#nowNs += lengthNs;
      for (const [visit, leftNs] of this.leftNs) {
        const rest = leftNs - lengthNs * rate;
        if (rest > 1e-6) this.leftNs.set(visit, rest);
        else this.#end(visit);
      }
    }
    this.#nowNs = timeNs;
  }

  #end(visit: number): void {
    this.leftNs.delete(visit);
    this.endedNs.set(visit, this.#nowNs);
  }
}
