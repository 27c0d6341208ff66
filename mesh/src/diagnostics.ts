/*
 * Every metric of the mesh, in one list: name, kind, unit, help, labels. Durations are in seconds, as Prometheus has it.
 * `mesh/docs/metrics.md` is this list as a page; a test compares them and says how to write it anew.
 */

export interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** A metric of this list. The kind decides its name: counters end in `_total`, times in `_seconds`. */
export interface ListedMetric extends MetricDefinition {
  readonly kind: "counter" | "gauge" | "histogram";
  /** What one of it is: calls, seconds, a ratio from 0 to 1. */
  readonly unit: string;
}

export const metricNames = {
  serverCalls: {
    name: "weft_server_calls_total",
    kind: "counter",
    unit: "calls",
    help: "Calls answered, by method and status code.",
    labels: ["method", "code"],
  },
  serverCallSeconds: {
    name: "weft_server_call_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "Time from a call's arrival to its answer.",
    labels: ["method"],
  },
  serverInFlight: {
    name: "weft_server_in_flight",
    kind: "gauge",
    unit: "calls",
    help: "Calls being worked on.",
    labels: [],
  },
  clientCalls: {
    name: "weft_client_calls_total",
    kind: "counter",
    unit: "calls",
    help: "Calls made to peers, after retries, by status code.",
    labels: ["peer", "method", "code"],
  },
  clientCallSeconds: {
    name: "weft_client_call_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "Time of a call to a peer, retries included.",
    labels: ["peer", "method"],
  },
  clientAttempts: {
    name: "weft_client_attempts_total",
    kind: "counter",
    unit: "attempts",
    help: "Attempts, by what became of them: ok, failed, retried, budget_exhausted, hedged.",
    labels: ["peer", "outcome"],
  },
  poolConnections: {
    name: "weft_pool_connections",
    kind: "gauge",
    unit: "connections",
    help: "Connections of a pool, by state.",
    labels: ["peer", "instance", "state"],
  },
  poolUtilization: {
    name: "weft_pool_utilization",
    kind: "gauge",
    unit: "ratio",
    help: "In-flight calls ÷ (open connections × calls per connection).",
    labels: ["peer", "instance"],
  },
  poolQueueDepth: {
    name: "weft_pool_queue_depth",
    kind: "gauge",
    unit: "calls",
    help: "Calls that wait for a connection.",
    labels: ["peer", "instance"],
  },
  poolCallsPerSecond: {
    name: "weft_pool_calls_per_second",
    kind: "gauge",
    unit: "calls per second",
    help: "Calls started in the last second.",
    labels: ["peer", "instance"],
  },
  poolLatencySeconds: {
    name: "weft_pool_latency_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "Peak-sensitive moving average of the instance's latency.",
    labels: ["peer", "instance"],
  },
  poolScaleEvents: {
    name: "weft_pool_scale_events_total",
    kind: "counter",
    unit: "connections",
    help: "Connections added to or removed from pools, by the reason of the decision.",
    labels: ["peer", "direction", "reason"],
  },
  poolConnectSeconds: {
    name: "weft_pool_connect_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "Time to open a connection.",
    labels: ["peer"],
  },
  connectionsOpen: {
    name: "weft_connections_allocated",
    kind: "gauge",
    unit: "connections",
    help: "Connections counted against the ceiling of the process.",
    labels: [],
  },
  breakerState: {
    name: "weft_breaker_state",
    kind: "gauge",
    unit: "state",
    help: "State of a circuit breaker, by method group: 0 admitting, 1 probing, 2 ejected.",
    labels: ["peer", "instance", "group"],
  },
  breakerTransitions: {
    name: "weft_breaker_transitions_total",
    kind: "counter",
    unit: "transitions",
    help: "Changes of a breaker's state, by the rule that made them.",
    labels: ["peer", "instance", "group", "to", "reason"],
  },
  outlierEjections: {
    name: "weft_outlier_ejections_total",
    kind: "counter",
    unit: "ejections",
    help: "Instances left out for a while for doing worse than their peers, by what was worse.",
    labels: ["peer", "instance", "reason"],
  },
  outlierEjected: {
    name: "weft_outlier_ejected",
    kind: "gauge",
    unit: "state",
    help: "1 while an instance is left out for doing worse than its peers.",
    labels: ["peer", "instance"],
  },
  registryInstances: {
    name: "weft_registry_instances",
    kind: "gauge",
    unit: "instances",
    help: "Instances known, by service and standing: listed, kept (no longer listed, still used), static.",
    labels: ["service", "standing"],
  },
  registryFailures: {
    name: "weft_registry_failures_total",
    kind: "counter",
    unit: "operations",
    help: "Registry operations that failed, by operation.",
    labels: ["operation"],
  },
  registryUp: {
    name: "weft_registry_up",
    kind: "gauge",
    unit: "boolean",
    help: "1 while the registry answers.",
    labels: [],
  },
  outboxOldest: {
    name: "weft_outbox_oldest_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "Age of the oldest event that waits to be published, as this instance last saw it; 0 when none waits.",
    labels: [],
  },
  outboxWaiting: {
    name: "weft_outbox_waiting",
    kind: "gauge",
    unit: "events",
    help: "Events that wait to be published, as this instance last saw them.",
    labels: [],
  },
  outboxPublished: {
    name: "weft_outbox_published_total",
    kind: "counter",
    unit: "events",
    help: "Events that this instance published.",
    labels: [],
  },
  outboxFailures: {
    name: "weft_outbox_failures_total",
    kind: "counter",
    unit: "attempts",
    help: "Attempts of this instance to publish that failed; the events are tried again.",
    labels: [],
  },
  lanesOpen: { name: "weft_lanes_open", kind: "gauge", unit: "lanes", help: "Lanes open to peers.", labels: [] },
  laneFrames: {
    name: "weft_lane_frames_total",
    kind: "counter",
    unit: "frames",
    help: "Frames sent and received over lanes, by direction: in, out.",
    labels: ["direction"],
  },
  laneBatches: {
    name: "weft_lane_batches_total",
    kind: "counter",
    unit: "batches",
    help: "Flushes (out) and reads (in) of lanes; frames ÷ batches is the mean batch.",
    labels: ["direction"],
  },
  laneBytes: {
    name: "weft_lane_bytes_total",
    kind: "counter",
    unit: "bytes",
    help: "Bytes sent and received over lanes, by direction: in, out.",
    labels: ["direction"],
  },
  laneErrors: {
    name: "weft_lane_errors_total",
    kind: "counter",
    unit: "errors",
    help: "Lanes ended by an error, by its reason.",
    labels: ["reason"],
  },
  laneFallbacks: {
    name: "weft_lane_fallback_total",
    kind: "counter",
    unit: "calls",
    help: "Calls sent as plain gRPC because the peer has no lanes.",
    labels: ["peer"],
  },
  tlsHandshakesRefused: {
    name: "weft_tls_handshakes_refused_total",
    kind: "counter",
    unit: "handshakes",
    help: "Connections refused during or right after the TLS handshake, by reason: no_certificate, expired and so on.",
    labels: ["reason"],
  },
  tlsReloads: {
    name: "weft_tls_reloads_total",
    kind: "counter",
    unit: "reloads",
    help: "Changed certificate files, by outcome: ok, or refused (the old ones stay in use).",
    labels: ["outcome"],
  },
  tlsCertificateExpiry: {
    name: "weft_tls_certificate_expiry_timestamp_seconds",
    kind: "gauge",
    unit: "seconds",
    help: "When the certificate in use expires, in seconds since 1970.",
    labels: [],
  },
  callersDenied: {
    name: "weft_callers_denied_total",
    kind: "counter",
    unit: "calls",
    help: "Calls refused by the caller policy.",
    labels: ["caller", "method"],
  },
  admissionLimit: {
    name: "weft_admission_limit",
    kind: "gauge",
    unit: "calls",
    help: "Calls that may be in flight now: the adaptive limit.",
    labels: [],
  },
  admissionInFlight: {
    name: "weft_admission_in_flight",
    kind: "gauge",
    unit: "calls",
    help: "Calls that were admitted and are not over.",
    labels: [],
  },
  admissionQueued: {
    name: "weft_admission_queued",
    kind: "gauge",
    unit: "calls",
    help: "Calls that wait for admission.",
    labels: [],
  },
  admissionRefused: {
    name: "weft_admission_refused_total",
    kind: "counter",
    unit: "calls",
    help: "Calls refused before their handler ran, by priority (0 is the most important) and reason.",
    labels: ["priority", "reason"],
  },
  admissionWaitSeconds: {
    name: "weft_admission_wait_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "How long calls waited that could not start at once and were admitted.",
    labels: ["priority"],
  },
} as const satisfies Record<string, ListedMetric>;
