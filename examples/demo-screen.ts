/*
 * What the tour draws in the terminal: text in, no I/O.
 */

export interface Frame {
  readonly status: string;
  readonly simulatedSeconds: number;
  readonly durationSeconds: number;
  readonly speed: number;
  readonly load: number;
  readonly total: { readonly requestsPerSecond: number; readonly failuresPerSecond: number; readonly p99Ms: number };
  readonly components: readonly {
    readonly id: string;
    readonly requestsPerSecond: number;
    readonly utilization: number;
    readonly queueLength: number;
    readonly p99Ms: number;
  }[];
  readonly bottleneck: string;
}

export interface Results {
  readonly simulatedSeconds: number;
  readonly completed: number;
  readonly failed: number;
  readonly errorRatio: number;
  readonly events: number;
  readonly throughputPerSecond: number;
  readonly latency: { readonly meanMs: number; readonly p50Ms: number; readonly p99Ms: number };
  readonly bottlenecks: readonly { readonly component: string; readonly message: string }[];
  readonly loadChanges: readonly { readonly simulatedSeconds: number; readonly load: number }[];
}

const barWidth = 24;

/** One frame as a table: the system in a line, then a bar per component. Ends with a line break. */
export function renderFrame(frame: Frame, columns: number): string {
  const { total } = frame;
  const head =
    `   ${frame.simulatedSeconds.toFixed(0)}/${frame.durationSeconds} s  ${frame.speed.toFixed(1)}x  load ${frame.load}` +
    `  ${total.requestsPerSecond.toFixed(0)} req/s  ${total.failuresPerSecond.toFixed(0)} failed/s  p99 ${total.p99Ms.toFixed(0)} ms  ${frame.status}`;
  const width = Math.max(...frame.components.map((component) => component.id.length), 8);
  const rows = frame.components.map((component) => {
    const used = Math.round(Math.min(1, component.utilization) * barWidth);
    const mark = component.id === frame.bottleneck ? "  ◀ bottleneck" : "";
    return (
      `   ${component.id.padEnd(width)} ${"█".repeat(used)}${"·".repeat(barWidth - used)} ${percent(component.utilization)}` +
      `  queue ${component.queueLength.toFixed(1).padStart(7)}  p99 ${component.p99Ms.toFixed(0).padStart(5)} ms${mark}`
    );
  });
  return `${[head, ...rows].map((line) => line.slice(0, Math.max(40, columns - 1))).join("\n")}\n`;
}

/** What the run showed, in a few lines. */
export function renderReport(results: Results): string {
  const { latency } = results;
  const loads = results.loadChanges
    .map((change) => `${change.load}× from ${change.simulatedSeconds.toFixed(0)} s`)
    .join(", ");
  return [
    "4. What it showed (a single run)",
    `   ${results.completed + results.failed} requests in ${results.simulatedSeconds.toFixed(0)} s of model time (${results.events} events); load ${loads === "" ? "unchanged" : loads}`,
    `   ${results.throughputPerSecond.toFixed(1)} req/s served, ${(results.errorRatio * 100).toFixed(2)} % failed; latency mean ${latency.meanMs.toFixed(1)} ms, median ${latency.p50Ms.toFixed(1)} ms, p99 ${latency.p99Ms.toFixed(0)} ms`,
    ...results.bottlenecks.map((bottleneck) => `   Bottleneck ${bottleneck.component}: ${bottleneck.message}`),
  ].join("\n");
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(0).padStart(3)} %`;
}
