import type { Metrics } from "@weft/mesh";

/*
 * Every metric of the gateway, in one list, beside those that the mesh keeps of calls, pools and breakers.
 */
const definitions = {
  requests: {
    name: "weft_gateway_requests_total",
    help: "HTTP requests answered on the public port, by protocol (rest, rpc, other), HTTP method and status.",
    labels: ["protocol", "method", "status"],
  },
  requestSeconds: {
    name: "weft_gateway_request_duration_seconds",
    help: "Time from the arrival of a request to its answer being ready.",
    labels: ["protocol"],
  },
  connections: { name: "weft_gateway_ws_connections", help: "Open WebSocket connections.", labels: [] },
  subscriptions: {
    name: "weft_gateway_ws_subscriptions",
    help: "Subscriptions of open connections, by kind of channel.",
    labels: ["kind"],
  },
  pushes: { name: "weft_gateway_ws_pushes_total", help: "Frames pushed to subscribers.", labels: ["kind"] },
  skipped: {
    name: "weft_gateway_ws_skipped_total",
    help: "Live frames that slow readers were not sent, as a later one replaced them.",
    labels: [],
  },
  invalidPayloads: {
    name: "weft_gateway_ws_invalid_payloads_total",
    help: "Messages of the live feed that are no JSON and were passed to nobody.",
    labels: ["kind"],
  },
  gaps: { name: "weft_gateway_ws_gaps_total", help: "Interruptions of the live feed.", labels: ["kind"] },
  closes: {
    name: "weft_gateway_ws_closes_total",
    help: "WebSocket connections that have ended, by reason.",
    labels: ["reason"],
  },
} as const;

/** The gateway's counters and gauges on a service's registry. */
export function createGatewayMetrics(metrics: Metrics) {
  return {
    requests: metrics.counter(definitions.requests),
    requestSeconds: metrics.histogram(definitions.requestSeconds),
    connections: metrics.gauge(definitions.connections),
    subscriptions: metrics.gauge(definitions.subscriptions),
    pushes: metrics.counter(definitions.pushes),
    skipped: metrics.counter(definitions.skipped),
    invalidPayloads: metrics.counter(definitions.invalidPayloads),
    gaps: metrics.counter(definitions.gaps),
    closes: metrics.counter(definitions.closes),
  };
}

export type GatewayMetrics = ReturnType<typeof createGatewayMetrics>;
