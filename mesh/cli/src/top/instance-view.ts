import type { Scrape, Series } from "./parse-metrics.ts";
import { bucketsOf, increases, quantileFromBuckets, total, withLabels } from "./series.ts";

/*
 * What is shown of one instance, from two scrapes of it. Null stands for "not known": nothing has been compared yet, nothing
 * has happened that could be measured, or the instance does not have the metric. It is never shown as zero.
 */

/** Speed of calls, from a counter with the label `code` and a histogram. */
export interface CallRates {
  readonly callsPerSecond: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** The share of calls that failed for want of the service, 0 to 1: what was refused as wrong is not among them. */
  readonly errorShare: number | null;
}

export interface InstanceLoad extends CallRates {
  readonly inFlight: number | null;
  /** What it lets in at once, where it limits itself. */
  readonly admissionLimit: number | null;
  /** Of one core. */
  readonly cpuShare: number | null;
  readonly memoryBytes: number | null;
  readonly eventLoopLagP99Ms: number | null;
  readonly lanesOpen: number | null;
  /** Frames per write to the network. */
  readonly meanBatch: number | null;
  readonly peers: readonly PeerView[];
}

/** What an instance sees of a service that it calls. */
export interface PeerView extends CallRates {
  readonly peer: string;
  readonly retriesPerSecond: number | null;
  readonly hedgesPerSecond: number | null;
  /** Attempts not made because the budget for them was used up. */
  readonly refusedRetriesPerSecond: number | null;
  readonly lastTransition: Transition | null;
  readonly pools: readonly PoolView[];
}

/** The pool and the breaker of one instance of a peer. */
export interface PoolView {
  readonly instance: string;
  readonly open: number;
  readonly connecting: number;
  readonly draining: number;
  readonly utilization: number | null;
  readonly queueDepth: number | null;
  readonly callsPerSecond: number | null;
  readonly latencyMs: number | null;
  readonly breaker: BreakerState | null;
}

export type BreakerState = (typeof breakerStates)[number];

/** A change of a breaker, seen between two scrapes. */
export interface Transition {
  readonly to: string;
  /** Of the peer, where the metric tells. */
  readonly instance: string | null;
  readonly reason: string | null;
  readonly atMs: number;
}

/** A scrape and when it was made. */
export interface DatedScrape {
  readonly scrape: Scrape;
  /** Wall clock. */
  readonly atMs: number;
  /** For spans. */
  readonly monotonicMs: number;
}

/** By value of `weft_breaker_state`. */
const breakerStates = ["admitting", "probing", "ejected"] as const;

/** Codes that mean that the service failed or was not there; all others are answers. */
const failures: ReadonlySet<string | undefined> = new Set([
  "unknown",
  "deadline_exceeded",
  "resource_exhausted",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
]);

/** Compares two scrapes; without the earlier one only what stands is known. `known` has the transitions seen before. */
export function instanceLoad(
  before: DatedScrape | undefined,
  now: DatedScrape,
  known: readonly PeerView[] = [],
): InstanceLoad {
  const { scrape } = now;
  const seconds = before === undefined ? 0 : (now.monotonicMs - before.monotonicMs) / 1000;
  const grown = (name: string, labels: Readonly<Record<string, string>> = {}): Series[] | undefined =>
    before === undefined || seconds <= 0 || !(scrape.has(name) || before.scrape.has(name))
      ? undefined
      : withLabels(increases(name, before.scrape, scrape), labels);
  const perSecond = (series: readonly Series[] | undefined): number | null =>
    series === undefined ? null : total(series) / seconds;
  const frames = grown("weft_lane_frames_total", { direction: "out" });
  const batches = grown("weft_lane_batches_total", { direction: "out" });
  return {
    ...callRates(grown("weft_server_calls_total"), grown("weft_server_call_duration_seconds_bucket"), seconds),
    inFlight: gauge(scrape, "weft_server_in_flight"),
    admissionLimit: gauge(scrape, "weft_admission_limit"),
    cpuShare: perSecond(grown("process_cpu_seconds_total")),
    memoryBytes: gauge(scrape, "process_resident_memory_bytes"),
    eventLoopLagP99Ms: inMs(gauge(scrape, "nodejs_eventloop_lag_p99_seconds")),
    lanesOpen: gauge(scrape, "weft_lanes_open"),
    meanBatch: ratio(frames, batches),
    peers: peersOf(scrape).map((peer) => {
      const attempts = (outcome: string) => grown("weft_client_attempts_total", { peer, outcome });
      const pools = poolsOf(scrape, peer);
      const turned = grown("weft_breaker_transitions_total", { peer }) ?? [];
      return {
        peer,
        ...callRates(
          grown("weft_client_calls_total", { peer }),
          grown("weft_client_call_duration_seconds_bucket", { peer }),
          seconds,
        ),
        retriesPerSecond: perSecond(attempts("retried")),
        hedgesPerSecond: perSecond(attempts("hedged")),
        refusedRetriesPerSecond: perSecond(attempts("budget_exhausted")),
        lastTransition:
          latestTransition(turned, pools, now.atMs) ??
          known.find((earlier) => earlier.peer === peer)?.lastTransition ??
          null,
        pools,
      };
    }),
  };
}

function callRates(
  calls: readonly Series[] | undefined,
  buckets: readonly Series[] | undefined,
  seconds: number,
): CallRates {
  const count = total(calls ?? []);
  const failed = total((calls ?? []).filter(({ labels }) => failures.has(labels.code)));
  const bounds = bucketsOf(buckets ?? []);
  return {
    callsPerSecond: calls === undefined ? null : count / seconds,
    p50Ms: inMs(quantileFromBuckets(bounds, 0.5) ?? null),
    p99Ms: inMs(quantileFromBuckets(bounds, 0.99) ?? null),
    errorShare: count === 0 ? null : failed / count,
  };
}

/** The services that an instance has pools of or has called. */
function peersOf(scrape: Scrape): string[] {
  const names = ["weft_pool_connections", "weft_client_calls_total", "weft_breaker_state"];
  const peers = names.flatMap((name) => (scrape.get(name) ?? []).map(({ labels }) => labels.peer ?? ""));
  return [...new Set(peers)].filter((peer) => peer !== "").sort();
}

function poolsOf(scrape: Scrape, peer: string): PoolView[] {
  const names = ["weft_pool_connections", "weft_breaker_state"];
  const instances = names.flatMap((name) =>
    withLabels(scrape.get(name) ?? [], { peer }).map(({ labels }) => labels.instance ?? ""),
  );
  return [...new Set(instances)].sort().map((instance) => {
    const labels = { peer, instance };
    const connections = (state: string) => gauge(scrape, "weft_pool_connections", { ...labels, state }) ?? 0;
    // An instance may have a breaker for each group of methods: the worst is shown.
    const states = withLabels(scrape.get("weft_breaker_state") ?? [], labels).map(({ value }) => value);
    return {
      instance,
      open: connections("open"),
      connecting: connections("connecting"),
      draining: connections("draining"),
      utilization: gauge(scrape, "weft_pool_utilization", labels),
      queueDepth: gauge(scrape, "weft_pool_queue_depth", labels),
      callsPerSecond: gauge(scrape, "weft_pool_calls_per_second", labels),
      latencyMs: inMs(gauge(scrape, "weft_pool_latency_seconds", labels)),
      breaker: states.length === 0 ? null : (breakerStates[Math.max(...states)] ?? null),
    };
  });
}

/** Of several transitions in one interval the one that leads to where a breaker is now came last. */
function latestTransition(turned: readonly Series[], pools: readonly PoolView[], atMs: number): Transition | undefined {
  const happened = turned.filter(({ value }) => value > 0).map(({ labels }) => labels);
  const labels = happened.find(({ to }) => pools.some(({ breaker }) => breaker === to)) ?? happened.at(-1);
  return labels === undefined
    ? undefined
    : { to: labels.to ?? "", instance: labels.instance ?? null, reason: labels.reason ?? null, atMs };
}

/** The sum of a gauge's series; null when there are none. */
function gauge(scrape: Scrape, name: string, labels: Readonly<Record<string, string>> = {}): number | null {
  const series = withLabels(scrape.get(name) ?? [], labels);
  return series.length === 0 ? null : total(series);
}

function ratio(numerator: readonly Series[] | undefined, denominator: readonly Series[] | undefined): number | null {
  const below = total(denominator ?? []);
  return below === 0 ? null : total(numerator ?? []) / below;
}

function inMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}
