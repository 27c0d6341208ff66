/*
 * Every metric of the mesh, in one list: name, help, labels. Durations are in seconds, as Prometheus has it.
 */

export interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

export const metricNames = {
  serverCalls: {
    name: "weft_server_calls_total",
    help: "Calls answered, by method and status code.",
    labels: ["method", "code"],
  },
  serverCallSeconds: {
    name: "weft_server_call_duration_seconds",
    help: "Time from a call's arrival to its answer.",
    labels: ["method"],
  },
  serverInFlight: { name: "weft_server_in_flight", help: "Calls being worked on.", labels: [] },
  clientCalls: {
    name: "weft_client_calls_total",
    help: "Calls made to peers, after retries, by status code.",
    labels: ["peer", "method", "code"],
  },
  clientCallSeconds: {
    name: "weft_client_call_duration_seconds",
    help: "Time of a call to a peer, retries included.",
    labels: ["peer", "method"],
  },
  clientAttempts: {
    name: "weft_client_attempts_total",
    help: "Attempts, by what became of them: ok, failed, retried, budget_exhausted.",
    labels: ["peer", "outcome"],
  },
  poolConnections: {
    name: "weft_pool_connections",
    help: "Connections of a pool, by state.",
    labels: ["peer", "instance", "state"],
  },
  poolUtilization: {
    name: "weft_pool_utilization",
    help: "In-flight calls ÷ (open connections × calls per connection).",
    labels: ["peer", "instance"],
  },
  poolQueueDepth: {
    name: "weft_pool_queue_depth",
    help: "Calls that wait for a connection.",
    labels: ["peer", "instance"],
  },
  poolCallsPerSecond: {
    name: "weft_pool_calls_per_second",
    help: "Calls started in the last second.",
    labels: ["peer", "instance"],
  },
  poolLatencySeconds: {
    name: "weft_pool_latency_seconds",
    help: "Peak-sensitive moving average of the instance's latency.",
    labels: ["peer", "instance"],
  },
  poolScaleEvents: {
    name: "weft_pool_scale_events_total",
    help: "Connections added to or removed from pools, by the reason of the decision.",
    labels: ["peer", "direction", "reason"],
  },
  poolConnectSeconds: {
    name: "weft_pool_connect_duration_seconds",
    help: "Time to open a connection.",
    labels: ["peer"],
  },
  connectionsOpen: {
    name: "weft_connections_allocated",
    help: "Connections counted against the ceiling of the process.",
    labels: [],
  },
  breakerState: {
    name: "weft_breaker_state",
    help: "0 admitting, 1 probing, 2 ejected.",
    labels: ["peer", "instance"],
  },
  breakerTransitions: {
    name: "weft_breaker_transitions_total",
    help: "Changes of a breaker's state.",
    labels: ["peer", "to"],
  },
  registryInstances: {
    name: "weft_registry_instances",
    help: "Instances known, by service and standing: listed, kept (no longer listed, still used), static.",
    labels: ["service", "standing"],
  },
  registryFailures: {
    name: "weft_registry_failures_total",
    help: "Registry operations that failed, by operation.",
    labels: ["operation"],
  },
  registryUp: { name: "weft_registry_up", help: "1 while the registry answers.", labels: [] },
} as const satisfies Record<string, MetricDefinition>;
