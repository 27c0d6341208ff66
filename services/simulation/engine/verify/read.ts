/** Ways of reading figures that many cases share. The station of a single-station case is called "station". */
import type { ComponentResults, Results } from "../src/results.ts";
import { resultsOfComponent } from "../src/scenario.ts";
import type { Figure, Replication } from "./case.ts";

type Reader = Figure["read"];

export const ofSystem =
  (read: (results: Results) => number): Reader =>
  ({ results }: Replication) =>
    read(results);

export const of =
  (id: string, read: (component: ComponentResults) => number): Reader =>
  ({ results }: Replication) =>
    read(resultsOfComponent(results, id));

export const ofStation = (read: (component: ComponentResults) => number): Reader => of("station", read);

/** The share of the time in which the station had at least so many requests. */
export const timeWithAtLeast = (requests: number): Reader =>
  ofStation(({ presentAtLeast }) => presentAtLeast[requests] ?? 0);

/** Arrivals at one component per arrival at another. */
export const arrivalsPer =
  (id: string, caller: string): Reader =>
  ({ results }: Replication) =>
    resultsOfComponent(results, id).arrivals / resultsOfComponent(results, caller).arrivals;

/** Simulated time for about this many requests after a warm-up. */
export function lengthOf(requests: number, ratePerSecond: number, warmupSeconds: number) {
  const warmupMs = warmupSeconds * 1000;
  return { warmupMs, durationMs: warmupMs + (requests / ratePerSecond) * 1000 };
}
