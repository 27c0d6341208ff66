import { describe, expect, test } from "vitest";
import { readMetricsText, sampleValue } from "../../tests/metrics-text.ts";
import { metricNames } from "../diagnostics.ts";
import { seededRandom } from "../random.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { randomTrace, traceIdOf } from "../trace-context.ts";
import { Metrics } from "./metrics.ts";

const { serverCalls, serverCallSeconds, serverInFlight } = metricNames;
const openMetrics = "application/openmetrics-text; version=1.0.0";
const clock = new FakeClock();

function create() {
  const metrics = new Metrics({ service: "auth-service", instance: "a" }, { clock });
  const recorderOf = (method: string) => metrics.callRecorder(serverCalls, serverCallSeconds, { method });
  return { metrics, recorderOf };
}
const own = (labels: Record<string, string>) => ({ service: "auth-service", instance: "a", ...labels });

describe("the text of a scrape", () => {
  test("is Prometheus text unless OpenMetrics is asked for", async () => {
    const { metrics } = create();
    expect((await metrics.render()).contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    const { contentType, text } = await metrics.render(openMetrics);
    expect(contentType).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(text.endsWith("# EOF\n")).toBe(true);
  });

  test.each([undefined, openMetrics])("can be read with every kind of metric in it: %s", async (accept) => {
    const { metrics, recorderOf } = create();
    metrics.gauge(serverInFlight, (gauge) => gauge.set(3));
    metrics.counter(metricNames.registryFailures).inc({ operation: "read" });
    metrics.histogram(metricNames.poolConnectSeconds).observe({ peer: "user-service" }, 0.2);
    recorderOf("S/A").record(0, 3, undefined);
    recorderOf("S/A").record(5, 12_000, undefined);
    const families = readMetricsText((await metrics.render(accept)).text);
    expect(sampleValue(families, "weft_server_in_flight", own({}))).toBe(3);
    expect(sampleValue(families, "weft_registry_failures_total", own({ operation: "read" }))).toBe(1);
    expect(sampleValue(families, "weft_pool_connect_duration_seconds_count", own({ peer: "user-service" }))).toBe(1);
    expect(sampleValue(families, "weft_server_calls_total", own({ method: "S/A", code: "not_found" }))).toBe(1);
    const bucket = (le: string) =>
      sampleValue(families, "weft_server_call_duration_seconds_bucket", own({ method: "S/A", le }));
    expect([bucket("0.0025"), bucket("0.005"), bucket("+Inf")]).toEqual([0, 1, 2]);
    expect(sampleValue(families, "weft_server_call_duration_seconds_sum", own({ method: "S/A" }))).toBeCloseTo(12.003);
  });

  test("can be read with the metrics of the process in it, in one format after the other", async () => {
    const metrics = new Metrics({}, { runtime: true });
    for (const accept of [undefined, openMetrics, undefined, openMetrics]) {
      const families = readMetricsText((await metrics.render(accept)).text);
      expect(families.get("process_resident_memory_bytes")?.samples[0]?.value).toBeGreaterThan(0);
      expect(families.has("process_cpu_seconds_total")).toBe(accept === undefined);
      expect(families.has("process_cpu_seconds")).toBe(accept !== undefined);
    }
  });

  test.each([undefined, openMetrics])("keeps any label value and help text whole: %s", async (accept) => {
    const { metrics, recorderOf } = create();
    const strange = 'a"b\\c\nd\\n{x="y"} # ';
    recorderOf(strange).record(0, 1, undefined);
    metrics.gauge({ name: "strange", help: strange.trimEnd(), labels: ["of"] }).set({ of: strange }, Number.NaN);
    const families = readMetricsText((await metrics.render(accept)).text);
    expect(sampleValue(families, "weft_server_calls_total", own({ method: strange, code: "ok" }))).toBe(1);
    expect(sampleValue(families, "strange", own({ of: strange }))).toBeNaN();
    expect(families.get("strange")?.help).toBe(strange.trimEnd());
  });

  test("has exemplars with trace ids in OpenMetrics only, and captures anew after each such scrape", async () => {
    const { metrics, recorderOf } = create();
    const random = seededRandom(7);
    const traces = [randomTrace(random), randomTrace(random), randomTrace(random), randomTrace(random)] as const;
    for (const trace of traces.slice(0, 3)) {
      recorderOf("S/A").record(0, 3, trace);
    }
    expect((await metrics.render()).text).not.toContain("trace_id");
    const exemplars = async () =>
      [...readMetricsText((await metrics.render(openMetrics)).text).values()]
        .flatMap(({ samples }) => samples)
        .flatMap(({ exemplar }) => (exemplar === undefined ? [] : [exemplar]));
    expect(await exemplars()).toEqual([
      { labels: { trace_id: traceIdOf(traces[1]) }, value: 0.003, atS: clock.now() / 1000 },
    ]);
    recorderOf("S/A").record(0, 3, traces[3]);
    expect((await exemplars())[0]?.labels).toEqual({ trace_id: traceIdOf(traces[3]) });
  });
});

describe("totals kept elsewhere", () => {
  const { laneFrames } = metricNames;

  test.each([undefined, openMetrics])("are read at each scrape: %s", async (accept) => {
    const { metrics } = create();
    let sent = 3;
    metrics.totals(laneFrames, () => [
      [{ direction: "out" }, sent],
      [{ direction: "in" }, 5],
    ]);
    const frames = async (direction: string) =>
      sampleValue(readMetricsText((await metrics.render(accept)).text), "weft_lane_frames_total", own({ direction }));
    expect([await frames("out"), await frames("in")]).toEqual([3, 5]);
    sent = 10;
    expect(await frames("out")).toBe(10);
  });

  test("are refused for a counter that there is, since one of the two would be lost", () => {
    const { metrics } = create();
    metrics.counter(laneFrames);
    expect(() => metrics.totals(laneFrames, () => [])).toThrow(/is kept already/);
  });
});

describe("a call recorder", () => {
  test("is the same for the same labels, and another for others", () => {
    const { recorderOf } = create();
    expect(recorderOf("S/A")).toBe(recorderOf("S/A"));
    expect(recorderOf("S/A")).not.toBe(recorderOf("S/B"));
  });

  test("shows answered calls before there is one, so that the first is an increase", async () => {
    const { metrics, recorderOf } = create();
    recorderOf("S/A");
    const families = readMetricsText((await metrics.render()).text);
    expect(families.get("weft_server_calls_total")?.samples).toEqual([
      { name: "weft_server_calls_total", labels: own({ method: "S/A", code: "ok" }), value: 0 },
    ]);
  });

  test.each([undefined, openMetrics])("adds to what the counter and the histogram hold: %s", async (accept) => {
    const { metrics, recorderOf } = create();
    recorderOf("S/A").record(0, 3, undefined);
    metrics.counter(serverCalls).inc({ method: "S/A", code: "ok" });
    metrics.counter(serverCalls).inc({ method: "S/Stream", code: "ok" });
    metrics.histogram(serverCallSeconds).observe({ method: "S/A" }, 0.5);
    const families = readMetricsText((await metrics.render(accept)).text);
    expect(sampleValue(families, "weft_server_calls_total", own({ method: "S/A", code: "ok" }))).toBe(2);
    expect(sampleValue(families, "weft_server_calls_total", own({ method: "S/Stream", code: "ok" }))).toBe(1);
    expect(sampleValue(families, "weft_server_call_duration_seconds_count", own({ method: "S/A" }))).toBe(2);
    expect(sampleValue(families, "weft_server_call_duration_seconds_sum", own({ method: "S/A" }))).toBeCloseTo(0.503);
  });

  test("is refused with labels that its metrics do not have, and where a histogram has other bounds", () => {
    const { metrics } = create();
    expect(() => metrics.callRecorder(serverCalls, serverCallSeconds, { peer: "x" })).toThrow(/has the labels method/);
    metrics.histogram(serverCallSeconds, [1, 2]);
    expect(() => metrics.callRecorder(serverCalls, serverCallSeconds, { method: "S/A" })).toThrow(/bounds of its own/);
  });
});
