import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { MetricDefinition } from "./diagnostics.ts";

/** From 100 µs, below which a local call cannot go, to 10 s, the default deadline; steps of about 2.5. */
const durationBucketsSeconds = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** The Prometheus metrics of one service: makes each named metric once, and renders them all. */
export class Metrics {
  readonly registry = new Registry();

  /** Runtime metrics (memory, garbage collection, event loop) belong to the process: only one service of it asks. */
  constructor(labels: Readonly<Record<string, string>> = {}, options: { runtime?: boolean } = {}) {
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

  histogram(definition: MetricDefinition, bucketsSeconds: readonly number[] = durationBucketsSeconds): Histogram {
    return (
      (this.registry.getSingleMetric(definition.name) as Histogram | undefined) ??
      new Histogram({
        name: definition.name,
        help: definition.help,
        labelNames: [...definition.labels],
        buckets: [...bucketsSeconds],
        registers: [this.registry],
      })
    );
  }

  /** The Prometheus text format. */
  render(): Promise<string> {
    return this.registry.metrics();
  }
}
