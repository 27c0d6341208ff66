/**
 * The thread of one run: builds the simulation from what it was started with, lets `RunLoop` drive it, and sends frames in
 * the published layout: encoded here, they cost the thread that serves everybody a hand-over and no copy.
 *
 * Anything that goes wrong unexpectedly is left uncaught: it ends the thread, and the run that owns it says so.
 */

import { parentPort, workerData } from "node:worker_threads";
import { compileModel, Simulation } from "@weft/simulator";
import { encodeFrame, traceMessage } from "@weft/simulator/frames";
import type { Command, Report, WorkerInput, WorkerMessage } from "./messages.ts";
import { RunLoop } from "./run-loop.ts";

if (parentPort === null) throw new Error("simulation-worker.ts runs as a worker thread only");
const port = parentPort;
const { simulationId, architecture, load, speed, frameIntervalMs, changes, ...options } = workerData as WorkerInput;

/** Ten times a second some requests are shown from start to end: as many as a picture can take. */
const traceIntervalMs = 100;
const tracing = { traceEvery: 1, maxTracedSpans: 1000 };
const tracesPerMessage = 20;
let tracedAtMs = 0;

/** A frame's own sixtieth of a second holds too few requests for a p99; a second is as fast as people read. */
const frameLatencyWindowMs = 1000;

const model = compileModel(architecture, { load });
const simulation = new Simulation(model, { ...options, ...tracing, frameLatencyWindowMs });
const loop = new RunLoop({
  simulation,
  speed,
  frameIntervalMs,
  changes,
  now: () => performance.now(),
  schedule,
  report,
});
port.on("message", (command: Command) => loop.handle(command));

function report(report: Report): void {
  if (report.type === "frame") {
    const composedAtMs = performance.timeOrigin + report.atMs;
    const encoded = encodeFrame(report.frame, { simulationId, status: "RUNNING", composedAtMs });
    port.postMessage({ type: "frame", encoded } satisfies WorkerMessage, [encoded.buffer]);
    if (report.atMs - tracedAtMs >= traceIntervalMs) sendTraces(report.atMs);
    return;
  }
  port.postMessage(report satisfies WorkerMessage);
  // With the port closed nothing keeps the thread alive.
  if (report.type === "end" || report.type === "failed") port.close();
}

function sendTraces(atMs: number): void {
  tracedAtMs = atMs;
  const requests = simulation.takeTracedRequests().slice(0, tracesPerMessage);
  if (requests.length === 0) return;
  const json = traceMessage(model, requests, { simulationId, simulatedMs: simulation.nowMs });
  port.postMessage({ type: "traces", json } satisfies WorkerMessage);
}

function schedule(callback: () => void, delayMs: number): () => void {
  if (delayMs > 0) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  }
  const immediate = setImmediate(callback);
  return () => clearImmediate(immediate);
}
