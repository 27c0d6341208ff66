import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DeadlineEntry, DeadlineWheel } from "./deadline-wheel.ts";
import { FakeClock } from "./testing/fake-clock.ts";

class Entry extends DeadlineEntry {
  endedAtMs: number | undefined;
  also: (() => void) | undefined;

  constructor(deadlineMs: number) {
    super();
    this.deadlineMs = deadlineMs;
  }

  onDeadline(nowMs: number): void {
    this.endedAtMs = nowMs;
    this.also?.();
  }
}

function wheelWith(...deadlines: number[]) {
  const clock = new FakeClock();
  const startMs = clock.monotonicMs();
  const wheel = new DeadlineWheel(clock);
  const entries = deadlines.map((ms) => new Entry(startMs + ms));
  for (const entry of entries) {
    wheel.add(entry);
  }
  return { clock, startMs, wheel, entries };
}

describe("a deadline wheel", () => {
  it("ends every entry after its deadline and not more than a tick late, whatever is taken out meanwhile", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 9000 }), fc.boolean()), { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 20, maxLength: 40 }),
        async (plan, steps) => {
          const { clock, startMs, wheel, entries } = wheelWith(...plan.map(([ms]) => ms));
          const kept = entries.filter((entry, index) => {
            const removed = plan[index]?.[1] === true;
            if (removed) {
              wheel.remove(entry);
            }
            return !removed;
          });
          for (const step of steps) {
            await clock.advance(step);
          }
          await clock.advance(10_000);
          for (const entry of entries) {
            if (kept.includes(entry)) {
              expect(entry.endedAtMs).toBeGreaterThanOrEqual(entry.deadlineMs);
              expect((entry.endedAtMs ?? 0) - Math.max(entry.deadlineMs, startMs)).toBeLessThanOrEqual(4);
            } else {
              expect(entry.endedAtMs).toBeUndefined();
            }
          }
          expect(wheel.size).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("has no timer while it is empty", async () => {
    const { clock, wheel, entries } = wheelWith(50);
    wheel.remove(entries[0] as Entry);
    await clock.advance(60);
    expect(clock.pendingTimers).toBe(0);
  });

  it("goes on when an entry takes out its neighbours while it ends", async () => {
    const { clock, wheel, entries } = wheelWith(10, 10, 10, 10);
    for (const entry of entries) {
      entry.also = () => {
        for (const other of entries) {
          wheel.remove(other);
        }
      };
    }
    await clock.advance(20);
    expect(entries.filter((entry) => entry.endedAtMs !== undefined)).toHaveLength(1);
    expect(wheel.size).toBe(0);
  });

  it("takes entries that are added while one ends", async () => {
    const { clock, startMs, wheel, entries } = wheelWith(10);
    const later = new Entry(startMs + 30);
    (entries[0] as Entry).also = () => wheel.add(later);
    await clock.advance(40);
    expect(later.endedAtMs).toBeDefined();
  });

  it("catches up after a pause of many turns", async () => {
    const { clock, startMs, wheel } = wheelWith(10);
    const far = new Entry(startMs + 60_000);
    wheel.add(far);
    await clock.advance(59_000);
    expect(far.endedAtMs).toBeUndefined();
    await clock.advance(2000);
    expect(far.endedAtMs).toBeDefined();
  });
});
