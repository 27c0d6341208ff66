import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type Clock, systemClock } from "../clock.ts";
import type { MetricDefinition } from "../diagnostics.ts";
import { formatFor } from "./accept.ts";
import { CallRecorder } from "./call-recorder.ts";
import { durationBucketsSeconds } from "./duration-buckets.ts";
import {
  counterSamples,
  histogramSamples,
  joinSamples,
  type RecordedSeries,
  recordedSeries,
  type SamplesOf,
} from "./recorded-samples.ts";
import { formatMetrics, type MetricFamily } from "./text-format.ts";

export interface MetricsOptions {
  /** Runtime metrics (memory, garbage collection, event loop) belong to the process: only one service of it asks. */
  readonly runtime?: boolean;
  /** Dates exemplars. */
  readonly clock?: Pick<Clock, "now">;
}

/** The answer to a scrape. */
export interface RenderedMetrics {
  readonly contentType: string;
  readonly text: string;
}

/** A series of a counter: its labels, and what it has counted. */
type LabelledTotal = readonly [labels: Readonly<Record<string, string>>, total: number];

/** The series of a metric that are recorded rather than counted by prom-client. */
interface RecordedMetric {
  readonly series: RecordedSeries[];
  readonly samplesOf: SamplesOf;
}

/**
 * The Prometheus metrics of one service: makes each named metric once, and renders them all.
 *
 * Two kinds of meters, one scrape: prom-client's counters, gauges and histograms for whatever happens seldom or is read at
 * the scrape, and call recorders for what happens per call. A recorder's numbers appear under the names of a counter and a
 * histogram, added to what these hold of the same labels.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #labels: Readonly<Record<string, string>>;
  readonly #clock: Pick<Clock, "now">;
  readonly #recorders = new Map<string, CallRecorder>();
  readonly #recorded = new Map<string, RecordedMetric>();
  /** Histograms whose bounds are not those of call times. */
  readonly #otherBounds = new Set<string>();

  constructor(labels: Readonly<Record<string, string>> = {}, options: MetricsOptions = {}) {
    this.#labels = { ...labels };
    this.#clock = options.clock ?? systemClock;
    this.registry.setDefaultLabels({ ...labels });
    if (options.runtime ?? false) {
      collectDefaultMetrics({ register: this.registry });
    }
  }

  counter(definition: MetricDefinition): Counter {
    return (
      (this.registry.getSingleMetric(definition.name) as Counter | undefined) ??
      new Counter({
        name: definition.name,
        help: definition.help,
        labelNames: [...definition.labels],
        registers: [this.registry],
      })
    );
  }

  /** `collect` is called at each scrape, to set values that are read rather than counted. */
  gauge(definition: MetricDefinition, collect?: (gauge: Gauge) => void): Gauge {
    const existing = this.registry.getSingleMetric(definition.name) as Gauge | undefined;
    if (existing !== undefined) {
      return existing;
    }
    return new Gauge({
      name: definition.name,
      help: definition.help,
      labelNames: [...definition.labels],
      registers: [this.registry],
      ...(collect === undefined
        ? {}
        : {
            collect() {
              this.reset();
              collect(this);
            },
          }),
    });
  }

  /**
   * A counter whose totals are kept elsewhere, as plain numbers on the path of a call, and read at each scrape. `read` gives
   * every series with all it has counted so far.
   */
  totals(definition: MetricDefinition, read: () => readonly LabelledTotal[]): void {
    if (this.registry.getSingleMetric(definition.name) !== undefined) {
      throw new RangeError(`${definition.name} is kept already; its totals can be read in one place only`);
    }
    new Counter({
      name: definition.name,
      help: definition.help,
      labelNames: [...definition.labels],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [labels, total] of read()) {
          this.inc({ ...labels }, total);
        }
      },
    });
  }

  histogram(definition: MetricDefinition, bucketsSeconds: readonly number[] = durationBucketsSeconds): Histogram {
    const existing = this.registry.getSingleMetric(definition.name) as Histogram | undefined;
    if (existing !== undefined) {
      return existing;
    }
    if (bucketsSeconds !== durationBucketsSeconds) {
      this.#otherBounds.add(definition.name);
    }
    return new Histogram({
      name: definition.name,
      help: definition.help,
      labelNames: [...definition.labels],
      buckets: [...bucketsSeconds],
      registers: [this.registry],
    });
  }

  /**
   * The recorder of the calls with these labels; the same one each time. The counter has them and `code`, the histogram has
   * them alone. Made once per method or peer and method, never per call.
   */
  callRecorder(
    calls: MetricDefinition,
    durations: MetricDefinition,
    labels: Readonly<Record<string, string>>,
  ): CallRecorder {
    return this.#recorder(calls, durations, labels);
  }

  /** The same for times that are counted elsewhere, or not at all: the codes that it is told show nowhere. */
  durationRecorder(durations: MetricDefinition, labels: Readonly<Record<string, string>>): CallRecorder {
    return this.#recorder(undefined, durations, labels);
  }

  #recorder(
    calls: MetricDefinition | undefined,
    durations: MetricDefinition,
    labels: Readonly<Record<string, string>>,
  ): CallRecorder {
    const key = JSON.stringify([calls?.name ?? "", durations.name, Object.entries(labels).sort()]);
    const existing = this.#recorders.get(key);
    if (existing !== undefined) {
      return existing;
    }
    assertLabels(durations, Object.keys(labels));
    this.histogram(durations);
    if (this.#otherBounds.has(durations.name)) {
      throw new RangeError(`${durations.name} has bounds of its own; recorded calls have those of call times`);
    }
    const recorder = new CallRecorder(this.#clock);
    // As prom-client does it: a metric's own label wins over the service's of the same name.
    const series = recordedSeries(recorder, { ...labels, ...this.#labels, ...labels });
    if (calls !== undefined) {
      assertLabels(calls, [...Object.keys(labels), "code"]);
      this.counter(calls);
      this.#recordedAs(calls.name, counterSamples).push(series);
    }
    this.#recorders.set(key, recorder);
    this.#recordedAs(durations.name, histogramSamples).push(series);
    return recorder;
  }

  /** All metrics, in the format that the `Accept` header of a scrape asks for: Prometheus text, or OpenMetrics if named. */
  async render(accept?: string): Promise<RenderedMetrics> {
    const format = formatFor(accept);
    const families: MetricFamily[] = [];
    for (const { name, help, type, values } of await this.registry.getMetricsAsJSON()) {
      const counted = (values as readonly CollectedValue[]).map(({ metricName, labels, value }) => ({
        name: metricName ?? name,
        labels,
        value,
      }));
      const recorded = this.#recorded.get(name);
      const samples =
        recorded === undefined ? counted : joinSamples(name, counted, recorded.series, recorded.samplesOf);
      families.push({ name, help, type: String(type), samples });
    }
    const text = formatMetrics(families, format);
    if (format === "prometheus") {
      return { contentType: Registry.PROMETHEUS_CONTENT_TYPE, text };
    }
    for (const recorder of this.#recorders.values()) {
      recorder.renewExemplars();
    }
    return { contentType: Registry.OPENMETRICS_CONTENT_TYPE, text };
  }

  #recordedAs(name: string, samplesOf: SamplesOf): RecordedSeries[] {
    const metric = this.#recorded.get(name) ?? { series: [], samplesOf };
    this.#recorded.set(name, metric);
    return metric.series;
  }
}

/** What prom-client hands out at a scrape; its types leave out the name that parts of a histogram have. */
interface CollectedValue {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

function assertLabels({ name, labels }: MetricDefinition, given: readonly string[]): void {
  if ([...labels].sort().join() !== [...given].sort().join()) {
    throw new TypeError(`${name} has the labels ${labels.join(", ")}; it was given ${given.join(", ")}`);
  }
}
