import { RandomStream } from "../random.ts";
import type { ArrivalProcess } from "./arrival-process.ts";
import { BurstyArrivals } from "./bursty-arrivals.ts";
import { DiurnalArrivals } from "./diurnal-arrivals.ts";
import { ReplayArrivals } from "./replay-arrivals.ts";
import type { ResolvedWorkload } from "./resolve-workload.ts";
import { BatchArrivals, ConstantArrivals, PoissonArrivals } from "./steady-arrivals.ts";
import { rateWindow, WindowArrivals } from "./window-arrivals.ts";

/** How a workload's requests arrive, at load 0 until it is told another; undefined when its users decide (closed). */
export function createArrivalProcess(workload: ResolvedWorkload, seed: number): ArrivalProcess | undefined {
  const { kind, id, ratePerSecond } = workload;
  const stream = new RandomStream(seed, `workload/${id}`);
  switch (kind) {
    case "closed":
      return undefined;
    case "poisson":
      return new PoissonArrivals(ratePerSecond, stream);
    case "constant":
      return new ConstantArrivals(ratePerSecond);
    case "bursty":
      return new BurstyArrivals(workload, stream, new RandomStream(seed, `workload/${id}/phase`));
    case "diurnal":
      return new DiurnalArrivals(workload, stream);
    case "ramp":
    case "spike":
      return new WindowArrivals(rateWindow(workload), stream);
    case "batch":
      return new BatchArrivals(ratePerSecond, workload.batchSize, stream);
    case "replay":
      return new ReplayArrivals(workload.arrivalsMs);
  }
}
