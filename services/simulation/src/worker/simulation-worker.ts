/**
 * The thread of one run: builds the simulation from what it was started with, and lets `RunLoop` drive it.
 *
 * Anything that goes wrong unexpectedly is left uncaught: it ends the thread, and the run that owns it says so.
 */

import { parentPort, workerData } from "node:worker_threads";
import { compileModel, Simulation } from "@weft/simulator";
import type { Command, Report, WorkerInput } from "./messages.ts";
import { RunLoop } from "./run-loop.ts";

if (parentPort === null) throw new Error("simulation-worker.ts runs as a worker thread only");
const port = parentPort;
const { architecture, load, speed, frameIntervalMs, ...options } = workerData as WorkerInput;

const loop = new RunLoop({
  simulation: new Simulation(compileModel(architecture, { load }), options),
  speed,
  frameIntervalMs,
  now: () => performance.now(),
  schedule,
  report: (report: Report) => {
    port.postMessage(report);
    // With the port closed nothing keeps the thread alive.
    if (report.type !== "frame") port.close();
  },
});
port.on("message", (command: Command) => loop.handle(command));

function schedule(callback: () => void, delayMs: number): () => void {
  if (delayMs > 0) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  }
  const immediate = setImmediate(callback);
  return () => clearImmediate(immediate);
}
