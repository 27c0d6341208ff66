import { describe, expect, test } from "vitest";
import { resolveAdmissionOptions } from "./admission-options.ts";
import {
  decideLimit,
  type GradientLimitState,
  initialGradientLimit,
  isReadable,
  type LatencyReading,
  restedLimit,
} from "./gradient-limit.ts";

const options = resolveAdmissionOptions({ probeIntervalMs: 60_000, latencySlackMs: 10 });
/** 20 calls in flight at their base of 10 ms; tolerated is 30 ms. */
const usual: LatencyReading = {
  calls: 200,
  meanMs: 10,
  errorMs: 0.1,
  droppedShare: 0,
  inFlight: 20,
  limited: false,
  refusing: false,
};

function decide(state: GradientLimitState, reading: Partial<LatencyReading>, nowMs = 1000): GradientLimitState {
  return decideLimit({ ...usual, ...reading }, state, options, nowMs);
}

const steady: GradientLimitState = { ...initialGradientLimit(options), baseMs: 10, baseSeenAtMs: 0 };
const amidOverload = { limited: true, refusing: true };

describe("the limit", () => {
  test("begins where it is told, within the maximum", () => {
    expect(initialGradientLimit(options).limit).toBe(512);
    expect(initialGradientLimit({ ...options, maxInFlight: 100 }).limit).toBe(100);
  });

  test("stays when nobody needs more, and when nothing has ended", () => {
    expect(decide(steady, {}).limit).toBe(512);
    expect(decide(steady, { calls: 0, inFlight: 0, limited: true })).toBe(steady);
  });

  test("grows when it is in the way of healthy calls, up to the maximum", () => {
    expect(decide(steady, { limited: true }).limit).toBeCloseTo(512 + Math.sqrt(512) + 128);
    expect(decide(steady, { limited: true, meanMs: 25 }).limit).toBeCloseTo(512 + Math.sqrt(512));
    expect(decide({ ...steady, limit: 4090 }, { limited: true }).limit).toBe(4096);
  });

  test("falls to the concurrency of the tolerated latency, by half at most", () => {
    expect(decide(steady, { meanMs: 40, inFlight: 80, ...amidOverload }).limit).toBeCloseTo(60);
    expect(decide(steady, { meanMs: 400, inFlight: 80 }).limit).toBe(40);
    expect(decide(steady, { meanMs: 400, inFlight: 6 }).limit).toBe(4);
  });

  test("does not fall for a latency that may be chance, nor below the minimum", () => {
    expect(decide(steady, { meanMs: 40, errorMs: 6 }).limit).toBe(512);
    expect(decide({ ...steady, limit: 4 }, { meanMs: 400, inFlight: 4 }).limit).toBe(4);
  });

  test("does not fall for a latency that nobody minds, however large beside the base", () => {
    expect(decide({ ...steady, baseMs: 0.005 }, { meanMs: 1.3, inFlight: 256 }).limit).toBe(512);
  });

  test("returns to where it began in calm times, not while calls are refused", () => {
    const low = { ...steady, limit: 20 };
    expect(decide(low, {}).limit).toBe(30);
    expect(decide(low, { refusing: true }).limit).toBe(20);
    expect(restedLimit(low, options)).toMatchObject({ limit: 512, baseMs: 10 });
  });
});

describe("a cut", () => {
  const cut = decide(steady, { meanMs: 100, inFlight: 80, ...amidOverload });

  test("is given twice the latency to show", () => {
    expect(cut).toMatchObject({ limit: 40, settledAtMs: 1200 });
  });

  test("goes on while latency falls with it", () => {
    const further = decide(cut, { meanMs: 50, inFlight: 40, ...amidOverload });
    expect(further).toMatchObject({ baseMs: 10, limit: 24 });
    expect(decide(further, { meanMs: 28, inFlight: 24, ...amidOverload }).cut).toBeUndefined();
  });

  test("is taken back when latency stays: then that is what calls take", () => {
    const unmoved = decide(cut, { meanMs: 98, inFlight: 40, ...amidOverload });
    expect(unmoved).toMatchObject({ limit: 512, baseMs: 98, cut: undefined });
  });
});

describe("calls that are dropped", () => {
  test("count against the limit when they are more than a tenth", () => {
    expect(decide(steady, { droppedShare: 0.05 }).limit).toBe(512);
    expect(decide(steady, { droppedShare: 0.3, inFlight: 40 }).limit).toBeCloseTo(30);
  });

  test("are taken for usual when fewer calls in flight are dropped as often", () => {
    const cut = decide(steady, { droppedShare: 0.3, meanMs: 20, inFlight: 40 });
    const unmoved = decide(cut, { droppedShare: 0.3, meanMs: 20, inFlight: 20 });
    expect(unmoved).toMatchObject({ limit: 512, baseDroppedShare: 0.3 });
    expect(decide(unmoved, { droppedShare: 0.35, meanMs: 20 }).limit).toBe(512);
  });
});

describe("the base", () => {
  test("is the first latency, and suspect until it was seen in calm times", () => {
    const first = decide(initialGradientLimit(options), { meanMs: 80 });
    expect(first).toMatchObject({ baseMs: 80, baseSeenAtMs: Number.NEGATIVE_INFINITY });
    expect(decide(first, { meanMs: 80, ...amidOverload }).baseSeenAtMs).toBe(Number.NEGATIVE_INFINITY);
    expect(decide(first, { meanMs: 80 }, 2000).baseSeenAtMs).toBe(2000);
  });

  test("falls quickly, and rises slowly in calm times only", () => {
    expect(decide(steady, { meanMs: 6 }).baseMs).toBe(9);
    expect(decide(steady, { meanMs: 18 }).baseMs).toBeCloseTo(10.125);
    expect(decide(steady, { meanMs: 18, ...amidOverload }).baseMs).toBe(10);
  });

  test("follows latency when too few calls are in flight to make it", () => {
    expect(decide(steady, { meanMs: 26, inFlight: 3, ...amidOverload }).baseMs).toBe(12);
  });
});

describe("a probe", () => {
  const believed = { ...steady, limit: 80, baseMs: 200, baseSeenAtMs: Number.NEGATIVE_INFINITY };
  const probing = decide(believed, { meanMs: 400, inFlight: 80, ...amidOverload });

  test("begins when a limited server has not seen its base for the interval", () => {
    expect(probing).toMatchObject({ limit: 40, settledAtMs: 1800 });
    const seen = { ...believed, baseSeenAtMs: 0 };
    expect(decide(seen, { meanMs: 400, inFlight: 80, ...amidOverload }).probe).toBeUndefined();
    expect(decide(seen, { meanMs: 400, inFlight: 80, ...amidOverload }, 60_001).probe).toBeDefined();
    expect(decide(believed, { meanMs: 400, inFlight: 80 }).probe).toBeUndefined();
  });

  test("halves until latency falls no further, which is the base", () => {
    const second = decide(probing, { meanMs: 200, inFlight: 40, ...amidOverload });
    const third = decide(second, { meanMs: 100, inFlight: 20, ...amidOverload });
    expect([second.limit, third.limit]).toEqual([20, 10]);
    const found = decide(third, { meanMs: 96, inFlight: 10, ...amidOverload }, 9000);
    expect(found).toMatchObject({ baseMs: 96, baseSeenAtMs: 9000, limit: 20, probe: undefined });
  });
});

describe("a window", () => {
  const readable = (reading: Partial<LatencyReading>, windowMs: number, state = steady) =>
    isReadable({ ...usual, ...reading }, windowMs, state, options);

  test("is read after 100 ms with a hundred calls, or after a second", () => {
    expect([readable({}, 99), readable({}, 100)]).toEqual([false, true]);
    expect([readable({ calls: 99 }, 999), readable({ calls: 99 }, 1000)]).toEqual([false, true]);
  });

  test("is read with twenty calls when these are alarming, unless a step is being judged", () => {
    const alarm = { calls: 20, meanMs: 100 };
    expect(readable(alarm, 100)).toBe(true);
    expect(readable({ ...alarm, errorMs: 30 }, 100)).toBe(false);
    expect(readable(alarm, 100, decide(steady, { meanMs: 100, inFlight: 80 }))).toBe(false);
  });
});
