/**
 * Range queries of Prometheus (/api/v1/query_range, `resultType: matrix`) as increases per window and service.
 *
 * Counters are asked for as they are and not as rate(): rate() extrapolates over gaps and so underestimates busy time. Here a
 * window is the time between two neighbouring samples; one that is longer than one and a half steps is a gap, and one in which a
 * counter falls is a restart, and neither is used. Where several instances are added, a window counts only if every instance
 * that had begun and not yet ended has it.
 */
import { CalibrationError, field, isMap, type JsonMap, listOf, nameOf, textOf } from "./json.ts";

/** requests, busy and buckets are counters (busy: in seconds); utilization is a gauge from 0 to 1. */
export type MetricRole = "requests" | "busy" | "utilization" | "buckets";
export const metricRoles: readonly MetricRole[] = ["requests", "busy", "utilization", "buckets"];

export interface MetricSeries {
  readonly role: MetricRole;
  readonly service: string;
  /** Of requests: the operation they are counted by; empty when they are not. */
  readonly requestClass: string;
  /** buckets: upper end in ms. */
  readonly upToMs: number | undefined;
  /** From one sample to the next without a gap; a gauge has the mean of both ends as its increase per second. */
  readonly windows: readonly MetricWindow[];
}

export interface MetricWindow {
  readonly fromMs: number;
  readonly toMs: number;
  readonly increase: number;
}

export interface Metrics {
  readonly series: readonly MetricSeries[];
  readonly gaps: number;
  readonly resets: number;
  /** Reason → how many series. */
  readonly refused: ReadonlyMap<string, number>;
}

const maximumSamples = 5_000_000;
const serviceLabels = [
  "service",
  "service_name",
  "exported_service",
  "app",
  "component",
  "exported_job",
  "job",
  "container",
];
const classLabels = ["operation", "route", "http_route", "method", "rpc_method", "handler", "path", "uri"];

/** `role` is told by each series' name when it is not given. Throws CalibrationError when this is no range query's answer. */
export function readPrometheus(value: unknown, place: string, role?: MetricRole): Metrics {
  const data = field(value, "data");
  if (field(value, "status") === "error") {
    throw new CalibrationError(`${place} is an error of Prometheus: ${textOf(field(value, "error")) ?? "not said"}`);
  }
  const type = field(data, "resultType");
  if (type !== "matrix") {
    const found = type === undefined ? nameOf(value) : `a ${String(type).slice(0, 20)}`;
    throw new CalibrationError(
      `${place} is ${found}; it takes the answer of query_range, with data.resultType "matrix"`,
    );
  }
  const counts = { gaps: 0, resets: 0, samples: 0 };
  const refused = new Map<string, number>();
  const series: MetricSeries[] = [];
  for (const [index, result] of listOf(field(data, "result")).entries()) {
    const labels = field(result, "metric");
    const read = isMap(labels) ? seriesFrom(labels, field(result, "values"), role, counts) : "it has no labels";
    if (counts.samples > maximumSamples) {
      throw new CalibrationError(
        `${place}: data.result[${index}] exceeds ${maximumSamples} samples; ask for a longer step`,
      );
    }
    if (typeof read === "string") refused.set(read, (refused.get(read) ?? 0) + 1);
    else series.push(read);
  }
  return { series, gaps: counts.gaps, resets: counts.resets, refused };
}

function seriesFrom(
  labels: JsonMap,
  values: unknown,
  given: MetricRole | undefined,
  counts: { gaps: number; resets: number; samples: number },
): MetricSeries | string {
  const label = (keys: readonly string[]) =>
    keys.map((key) => textOf(field(labels, key))).find((text) => text !== undefined);
  const name = label(["__name__"]);
  const role = given ?? roleOf(name ?? "");
  if (role === undefined) {
    return name === undefined
      ? "it has no name, as after rate() or sum(): say what it is, as in requests=FILE"
      : "its name does not say what it counts";
  }
  const service = label(serviceLabels);
  if (service === undefined) return `it has none of the labels ${serviceLabels.join(", ")}`;
  const upTo = label(["le"]);
  const upToMs = role === "buckets" ? bucketEndMs(upTo, name ?? "") : undefined;
  if (role === "buckets" && upToMs === undefined) return "a bucket without its upper end, le";
  const samples = samplesFrom(values, counts);
  const windows = windowsFrom(samples, role === "utilization", counts);
  if (windows === undefined) return "it falls too often for a counter; was rate() applied?";
  return { role, service, requestClass: role === "requests" ? (label(classLabels) ?? "") : "", upToMs, windows };
}

function roleOf(name: string): MetricRole | undefined {
  if (/_bucket$/.test(name)) return "buckets";
  if (/(cpu|busy|process)[a-z_]*_seconds(_total)?$/.test(name)) return "busy";
  if (/utili[sz]ation/.test(name)) return "utilization";
  return /(requests|calls|handled|started|_count)(_total)?$/.test(name) ? "requests" : undefined;
}

/** Prometheus' unit is the second; names may say otherwise. */
function bucketEndMs(upTo: string | undefined, name: string): number | undefined {
  if (upTo === "+Inf") return Number.POSITIVE_INFINITY;
  const end = Number(upTo ?? Number.NaN);
  const unitMs = /(milliseconds|_ms)_bucket$/.test(name) ? 1 : 1000;
  return end >= 0 ? end * unitMs : undefined;
}

/** Pairs of time in ms and value, times ascending; what is no number ends a window like a gap. */
function samplesFrom(values: unknown, counts: { samples: number }): (readonly [number, number])[] {
  const samples: (readonly [number, number])[] = [];
  for (const pair of listOf(values)) {
    counts.samples++;
    const [time, text] = listOf(pair);
    const value = typeof text === "string" && text !== "" ? Number(text) : Number.NaN;
    if (typeof time !== "number" || !Number.isFinite(time) || !Number.isFinite(value)) continue;
    const timeMs = Math.round(time * 1000);
    if (timeMs > (samples.at(-1)?.[0] ?? Number.NEGATIVE_INFINITY)) samples.push([timeMs, value]);
  }
  return samples;
}

function windowsFrom(
  samples: readonly (readonly [number, number])[],
  isGauge: boolean,
  counts: { gaps: number; resets: number },
): MetricWindow[] | undefined {
  const steps = samples.slice(1).map(([timeMs], index) => timeMs - (samples[index]?.[0] ?? 0));
  const stepMs = [...steps].sort((a, b) => a - b)[steps.length >> 1] ?? 0;
  const windows: MetricWindow[] = [];
  let [gaps, resets] = [0, 0];
  for (let index = 1; index < samples.length; index++) {
    const [fromMs, before] = samples[index - 1] as readonly [number, number];
    const [toMs, value] = samples[index] as readonly [number, number];
    if (toMs - fromMs > 1.5 * stepMs) gaps++;
    else if (isGauge) windows.push({ fromMs, toMs, increase: (((before + value) / 2) * (toMs - fromMs)) / 1000 });
    else if (value < before) resets++;
    else windows.push({ fromMs, toMs, increase: value - before });
  }
  if (resets > 2 && resets > samples.length / 20) return undefined;
  counts.gaps += gaps;
  counts.resets += resets;
  return windows;
}
