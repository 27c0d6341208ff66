/**
 * The thread of one run: builds the simulation from what it was started with, lets `RunLoop` drive it, and sends frames in
 * the published layout: encoded here, they cost the thread that serves everybody a hand-over and no copy.
 *
 * Anything that goes wrong unexpectedly is left uncaught: it ends the thread, and the run that owns it says so.
 */

import { parentPort, workerData } from "node:worker_threads";
import { compileModel, Simulation } from "@weft/simulator";
import { encodeFrame } from "@weft/simulator/frames";
import type { Command, Report, WorkerInput, WorkerMessage } from "./messages.ts";
import { RunLoop } from "./run-loop.ts";

if (parentPort === null) throw new Error("simulation-worker.ts runs as a worker thread only");
const port = parentPort;
const { simulationId, architecture, load, speed, frameIntervalMs, changes, ...options } = workerData as WorkerInput;

const loop = new RunLoop({
  simulation: new Simulation(compileModel(architecture, { load }), options),
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
    return;
  }
  port.postMessage(report satisfies WorkerMessage);
  // With the port closed nothing keeps the thread alive.
  if (report.type === "end" || report.type === "failed") port.close();
}

function schedule(callback: () => void, delayMs: number): () => void {
  if (delayMs > 0) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  }
  const immediate = setImmediate(callback);
  return () => clearImmediate(immediate);
}
