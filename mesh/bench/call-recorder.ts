import { parseArgs } from "node:util";
import { Counter, Histogram, Registry } from "prom-client";
import { metricNames } from "../src/diagnostics.ts";
import { durationBucketsSeconds } from "../src/metrics/duration-buckets.ts";
import { Metrics } from "../src/metrics/metrics.ts";
import { seededRandom } from "../src/random.ts";
import { randomTrace } from "../src/trace-context.ts";

/*
 * What one call pays to be counted and timed: a recorder against prom-client's counter and histogram, with and without
 * a trace for the exemplar; and what a scrape of many recorders costs. Rounds are interleaved; medians are printed.
 *
 *   node mesh/bench/call-recorder.ts [--quick] [--json]
 */
const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, json: { type: "boolean" } } });
const rounds = options.quick === true ? 5 : 15;
const calls = 1_000_000;

const { clientCalls, clientCallSeconds } = metricNames;
const labels = { peer: "auth-service", method: "weft.auth.v1.AuthService/ValidateToken" };
const random = seededRandom(1);
const trace = randomTrace(random);
// Times as a call between processes has them, most near 300 µs, in no order that a branch predictor could learn.
const durationsMs = Float64Array.from({ length: 4096 }, () => 0.1 / (1 - random.next() * 0.999));
const codes = Uint8Array.from({ length: 4096 }, () => (random.next() < 0.01 ? 14 : 0));

const metrics = new Metrics();
const recorder = metrics.callRecorder(clientCalls, clientCallSeconds, labels);
const registry = new Registry();
const counter = new Counter({ ...clientCalls, labelNames: clientCalls.labels, registers: [registry] });
const histogram = new Histogram({
  ...clientCallSeconds,
  labelNames: clientCallSeconds.labels,
  buckets: [...durationBucketsSeconds],
  registers: [registry],
});

function recorded(count: number): void {
  for (let call = 0; call < count; call += 1) {
    recorder.record(codes[call & 4095] as number, durationsMs[call & 4095] as number, undefined);
  }
}

function recordedWithTrace(count: number): void {
  for (let call = 0; call < count; call += 1) {
    recorder.record(codes[call & 4095] as number, durationsMs[call & 4095] as number, trace);
  }
}

function observed(count: number): void {
  for (let call = 0; call < count; call += 1) {
    counter.inc({ ...labels, code: codes[call & 4095] === 0 ? "ok" : "unavailable" });
    histogram.observe(labels, (durationsMs[call & 4095] as number) / 1000);
  }
}

function nsPerCall(run: (count: number) => void, count: number): number {
  const startedAt = process.hrtime.bigint();
  run(count);
  return Number(process.hrtime.bigint() - startedAt) / count;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const times = { recorded: [] as number[], traced: [] as number[], observed: [] as number[] };
for (let round = 0; round <= rounds; round += 1) {
  const measured = [
    nsPerCall(recorded, calls),
    nsPerCall(recordedWithTrace, calls),
    nsPerCall(observed, calls / 10),
  ] as const;
  // The first round is for the compiler.
  if (round > 0) {
    times.recorded.push(measured[0]);
    times.traced.push(measured[1]);
    times.observed.push(measured[2]);
  }
}

const many = new Metrics();
for (let each = 0; each < 1000; each += 1) {
  many.callRecorder(clientCalls, clientCallSeconds, { ...labels, method: `method ${each}` }).record(0, 1, trace);
}
const scrapes: number[] = [];
for (let round = 0; round < rounds; round += 1) {
  const startedAt = process.hrtime.bigint();
  await many.render("application/openmetrics-text");
  scrapes.push(Number(process.hrtime.bigint() - startedAt) / 1e6);
}

const peer = median(times.observed);
const row = (id: string, what: string, ours: number) => ({
  ...{ id, what, ours, peer, peerName: "prom-client", unit: "ns" },
  ...{ ratio: peer / ours, atLeast: 20, ok: peer / ours >= 20 },
});
const rows = [
  row("record", "a call recorded", median(times.recorded)),
  row("record-traced", "a call recorded, with a trace", median(times.traced)),
  {
    ...{ id: "scrape", what: "a scrape of 1000 recorders", ours: median(scrapes), unit: "ms" },
    ...{ peer: null, peerName: null, ratio: null, atLeast: null, ok: true },
  },
];
if (options.json === true) {
  const machine = { node: process.version, platform: process.platform, arch: process.arch };
  process.stdout.write(`${JSON.stringify({ machine, rows })}\n`);
} else {
  for (const { what, ours, unit, peer: other, ratio } of rows) {
    const against = ratio === null ? "" : `  prom-client ${other?.toFixed(0)} ${unit}  ${ratio.toFixed(0)}×`;
    process.stdout.write(`${what.padEnd(32)} ${ours.toFixed(1)} ${unit}${against}\n`);
  }
}
process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1;
