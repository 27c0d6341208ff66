import type { Scrape, Series } from "../../top/parse-metrics.ts";
import { type Bucket, bucketsOf, increases, total, withLabels } from "../../top/series.ts";

/*
 * What a mesh did between two scrapes of its instances: who was called how often, how long it took, and whom it called. Counters
 * and buckets are added up over the instances of a service; quantiles are made of the sums and never averaged.
 */

/** Two scrapes of one instance. */
export interface InstanceScrapes {
  readonly service: string;
  readonly before: Scrape;
  readonly after: Scrape;
}

export interface ObservedService {
  readonly name: string;
  readonly instances: number;
  readonly callsPerSecond: number;
  /** From a call's arrival to its answer, calls to others included. 0 without calls. */
  readonly meanMs: number;
  /** Of the same durations, in seconds, cumulated. */
  readonly buckets: readonly Bucket[];
  /** Processor time of its processes per call, whatever it was spent on. */
  readonly cpuMsPerCall: number;
  readonly peers: readonly ObservedPeer[];
}

export interface ObservedPeer {
  readonly name: string;
  readonly callsPerSecond: number;
  /** As the caller saw it, network and retries included. */
  readonly meanMs: number;
}

/** How a service counts what it is asked: as a member of the mesh, or as the gateway in front of it. */
const entrances = [
  { calls: "weft_gateway_requests_total", seconds: "weft_gateway_request_duration_seconds" },
  { calls: "weft_server_calls_total", seconds: "weft_server_call_duration_seconds" },
] as const;
const clientCalls = "weft_client_calls_total";
const clientSeconds = "weft_client_call_duration_seconds";
const cpuSeconds = "process_cpu_seconds_total";

/** In the order of their names; `seconds` is the time between the scrapes. */
export function observeMesh(scrapes: readonly InstanceScrapes[], seconds: number): ObservedService[] {
  const byService = new Map<string, InstanceScrapes[]>();
  for (const scrape of scrapes) byService.set(scrape.service, [...(byService.get(scrape.service) ?? []), scrape]);
  return [...byService]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, instances]) => observeService(name, instances, seconds));
}

function observeService(name: string, instances: readonly InstanceScrapes[], seconds: number): ObservedService {
  const grown = (metric: string) => instances.flatMap(({ before, after }) => increases(metric, before, after));
  const entrance = entrances.find(({ calls }) => total(grown(calls)) > 0) ?? entrances[1];
  const calls = total(grown(entrance.calls));
  const peerCalls = grown(clientCalls);
  const names = [...new Set(peerCalls.flatMap(({ labels }) => (labels.peer === undefined ? [] : [labels.peer])))];
  return {
    name,
    instances: instances.length,
    callsPerSecond: calls / seconds,
    meanMs: meanMs(grown(`${entrance.seconds}_sum`), grown(`${entrance.seconds}_count`)),
    buckets: bucketsOf(grown(`${entrance.seconds}_bucket`)),
    cpuMsPerCall: calls === 0 ? 0 : (total(grown(cpuSeconds)) / calls) * 1000,
    peers: names.sort().flatMap((peer) => {
      const of = (series: readonly Series[]) => withLabels(series, { peer });
      const callsPerSecond = total(of(peerCalls)) / seconds;
      if (callsPerSecond === 0) return [];
      const mean = meanMs(of(grown(`${clientSeconds}_sum`)), of(grown(`${clientSeconds}_count`)));
      return [{ name: peer, callsPerSecond, meanMs: mean }];
    }),
  };
}

function meanMs(sums: readonly Series[], counts: readonly Series[]): number {
  const count = total(counts);
  return count === 0 ? 0 : (total(sums) / count) * 1000;
}
