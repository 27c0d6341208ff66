import type { Clock } from "../clock.ts";
import { metricNames } from "../diagnostics.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { ConnectionBudget } from "../pool/connection-budget.ts";
import type { InstanceCache } from "../registry/instance-cache.ts";
import type { Registry } from "../registry/registry.ts";
import type { AttemptCounters } from "./call-core.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Peer } from "./peer.ts";

/*
 * What a process shows of its peers: pools, breakers, attempts, the registry. All of it is read at the scrape from where it
 * is kept anyway, so that calls pay nothing for being counted here.
 */
export interface PeerMetricsOptions {
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly budget: ConnectionBudget;
  readonly cache: InstanceCache;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly attempts: ReadonlyMap<string, AttemptCounters>;
}

const outcomeNames: Readonly<Record<keyof AttemptCounters, string>> = {
  ok: "ok",
  failed: "failed",
  retried: "retried",
  budgetExhausted: "budget_exhausted",
  hedged: "hedged",
};

const breakerStates = { admitting: 0, probing: 1, ejected: 2 } as const;

export function registerPeerMetrics(options: PeerMetricsOptions): void {
  const { metrics, clock, registry, budget, cache, peers, attempts } = options;
  const each = (set: (endpoint: Endpoint, labels: Record<string, string>, peer: Peer) => void): void => {
    for (const peer of peers.values()) {
      for (const endpoint of peer.endpoints) {
        set(endpoint, { peer: peer.name, instance: endpoint.instance.instanceId }, peer);
      }
    }
  };
  metrics.gauge(metricNames.poolConnections, (gauge) =>
    each(({ pool }, labels) => {
      for (const [state, count] of Object.entries(pool.counts())) {
        gauge.set({ ...labels, state }, count);
      }
    }),
  );
  metrics.gauge(metricNames.poolUtilization, (gauge) =>
    each(({ pool }, labels) => gauge.set(labels, pool.utilization)),
  );
  metrics.gauge(metricNames.poolQueueDepth, (gauge) => each(({ pool }, labels) => gauge.set(labels, pool.queueDepth)));
  metrics.gauge(metricNames.poolCallsPerSecond, (gauge) =>
    each(({ pool }, labels) => gauge.set(labels, pool.callsPerSecond)),
  );
  metrics.gauge(metricNames.poolLatencySeconds, (gauge) =>
    each(({ latency }, labels) => gauge.set(labels, latency.valueMs(clock.monotonicMs()) / 1000)),
  );
  metrics.gauge(metricNames.breakerState, (gauge) =>
    each((endpoint, labels, peer) => {
      for (const { group, state } of peer.breakerStates(endpoint)) {
        gauge.set({ ...labels, group }, breakerStates[state]);
      }
    }),
  );
  metrics.gauge(metricNames.outlierEjected, (gauge) =>
    each((endpoint, labels, peer) => gauge.set(labels, peer.isEjected(endpoint) ? 1 : 0)),
  );
  metrics.totals(metricNames.clientAttempts, () =>
    [...attempts].flatMap(([peer, counts]) =>
      (Object.keys(outcomeNames) as (keyof AttemptCounters)[]).map(
        (outcome) => [{ peer, outcome: outcomeNames[outcome] }, counts[outcome]] as const,
      ),
    ),
  );
  metrics.gauge(metricNames.connectionsOpen, (gauge) => gauge.set(budget.allocated));
  metrics.gauge(metricNames.registryInstances, (gauge) => {
    for (const { service, standing, count } of cache.counts()) {
      gauge.set({ service, standing }, count);
    }
  });
  metrics.gauge(metricNames.registryUp, (gauge) => gauge.set(registry.live ? 1 : 0));
}
