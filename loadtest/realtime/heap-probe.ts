import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { liveHeapBytes } from "../processes/heap.ts";

/*
 * Loaded into every process of a run by `--import`: at SIGUSR2 it collects all garbage and writes down what is alive, so
 * that the gateway, which answers to nobody but its clients, is measured in the same way as the others.
 */
const folder = process.env.WEFT_BENCH_PROBE;

if (folder !== undefined) {
  process.on("SIGUSR2", () => {
    const file = join(folder, `heap-${process.pid}`);
    writeFileSync(`${file}.new`, String(liveHeapBytes()));
    renameSync(`${file}.new`, file);
  });
}
