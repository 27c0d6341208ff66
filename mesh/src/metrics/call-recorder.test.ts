import { Code } from "@connectrpc/connect";
import fc from "fast-check";
import { Counter, Histogram, Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { readMetricsText } from "../../tests/metrics-text.ts";
import { seededRandom } from "../random.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { randomTrace, traceIdOf } from "../trace-context.ts";
import { CallRecorder, callCodes } from "./call-recorder.ts";
import { bucketOf, durationBucketsSeconds } from "./duration-buckets.ts";
import { Metrics } from "./metrics.ts";

const calls = { name: "calls_total", help: "Calls.", labels: ["method", "code"] };
const durations = { name: "call_seconds", help: "Times.", labels: ["method"] };
const labels = { method: "m" };

const random = seededRandom(1);
const clock = new FakeClock();
const create = (): CallRecorder => new CallRecorder(clock);

/** All numbers of a text, by name and labels; sums to nine digits, since the order of adding moves the last one. */
function numbersOf(text: string): Record<string, number> {
  const samples = [...readMetricsText(text).values()].flatMap((family) => family.samples);
  return Object.fromEntries(
    samples
      .filter(({ name, value }) => name !== "calls_total" || value > 0)
      .map(({ name, labels, value }) => [
        JSON.stringify([name, Object.entries(labels).sort()]),
        Number(value.toPrecision(9)),
      ]),
  );
}

describe("a recorder", () => {
  test("shows what a counter and a histogram of prom-client show of the same calls", async () => {
    const call = fc.record({
      code: fc.integer({ min: 0, max: 16 }),
      durationMs: fc.oneof(
        fc.double({ min: 0, max: 20_000, noNaN: true }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        fc.constantFrom(...durationBucketsSeconds.map((bound) => bound * 1000)),
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 60 }), async (made) => {
        const metrics = new Metrics();
        const recorder = metrics.callRecorder(calls, durations, labels);
        const registry = new Registry();
        const counter = new Counter({ ...calls, labelNames: calls.labels, registers: [registry] });
        const histogram = new Histogram({
          ...durations,
          labelNames: durations.labels,
          buckets: [...durationBucketsSeconds],
          registers: [registry],
        });
        for (const { code, durationMs } of made) {
          recorder.record(code, durationMs, undefined);
          counter.inc({ ...labels, code: callCodes[code] as string });
          histogram.observe(labels, durationMs / 1000);
        }
        expect(numbersOf((await metrics.render()).text)).toEqual(numbersOf(await registry.metrics()));
      }),
      { numRuns: 100 },
    );
  });

  test("spells codes as Connect does", () => {
    const spelled = Object.keys(Code).filter((name) => Number.isNaN(Number(name)));
    const byNumber = spelled.map((name) => [
      Code[name as keyof typeof Code],
      name.replace(/[a-z][A-Z]/g, (pair) => `${pair[0]}_${pair[1]}`).toLowerCase(),
    ]);
    expect(byNumber).toEqual([...callCodes.entries()].slice(1));
    expect(callCodes[0]).toBe("ok");
  });

  test.each([-1, 17, Number.NaN, 1e9, 0.5])("never throws for a code that does not exist: %s", (code) => {
    const recorder = create();
    recorder.record(code, 1, undefined);
    expect(callCodes.reduce((sum, _, each) => sum + recorder.callsWith(each), 0)).toBe(1);
  });

  test.each([-1, Number.NaN])("takes %s ms for 0", (durationMs) => {
    const recorder = create();
    recorder.record(0, durationMs, undefined);
    expect([recorder.callsInBucket(0), recorder.sumSeconds]).toEqual([1, 0]);
  });
});

describe("the exemplar of a bucket", () => {
  const bucket = bucketOf(0.0007);

  test("is the trace, time and moment of one of its calls", () => {
    const recorder = create();
    const trace = randomTrace(random);
    recorder.record(0, 0.7, trace);
    expect(recorder.exemplarOf(bucket)).toEqual({ traceId: traceIdOf(trace), seconds: 0.0007, atMs: clock.now() });
    expect(recorder.exemplarOf(bucket + 1)).toBeUndefined();
  });

  test("is the first call, the second, the fourth and so on, so that few of many are captured", () => {
    const recorder = create();
    let captures = 0;
    let last = "";
    for (let call = 1; call <= 1000; call += 1) {
      recorder.record(0, 0.7, randomTrace(random));
      const shown = recorder.exemplarOf(bucket)?.traceId ?? "";
      captures += shown === last ? 0 : 1;
      last = shown;
      expect(captures).toBe(Math.floor(Math.log2(call)) + 1);
    }
  });

  test("is the next call after it was asked for anew", () => {
    const recorder = create();
    for (let call = 0; call < 1000; call += 1) {
      recorder.record(0, 0.7, randomTrace(random));
    }
    recorder.renewExemplars();
    const trace = randomTrace(random);
    recorder.record(0, 0.7, trace);
    recorder.record(0, 0.7, undefined);
    expect(recorder.exemplarOf(bucket)?.traceId).toBe(traceIdOf(trace));
  });

  test("is never a call without a trace, but the next one with a trace", () => {
    const recorder = create();
    recorder.record(0, 0.7, undefined);
    recorder.record(0, 0.7, { ...randomTrace(random), trace0: 0, trace1: 0, trace2: 0, trace3: 0 });
    expect(recorder.exemplarOf(bucket)).toBeUndefined();
    recorder.record(0, 0.7, randomTrace(random));
    expect(recorder.exemplarOf(bucket)).toBeDefined();
  });
});
