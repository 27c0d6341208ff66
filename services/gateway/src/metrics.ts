import type { CallContext, CallRecorder, Metrics } from "@weft/mesh";

type TraceIds = NonNullable<CallContext["trace"]>;

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
  rateLimited: {
    name: "weft_gateway_rate_limited_total",
    help: "Calls that were refused as too many, by the name of their budget.",
    labels: ["policy"],
  },
  shed: {
    name: "weft_gateway_shed_total",
    help: "Calls that were refused as their backend had its share of calls in flight already.",
    labels: ["peer"],
  },
  countedAlone: {
    name: "weft_gateway_rate_limit_alone_total",
    help: "Calls whose rate limit this gateway decided alone, as the shared counters were away.",
    labels: [],
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
  thinned: {
    name: "weft_gateway_ws_thinned_total",
    help: "Live frames that readers were not sent, as they had asked for fewer and a later one replaced them.",
    labels: [],
  },
  publications: {
    name: "weft_gateway_ws_publications_total",
    help: "Messages that clients published and were allowed to, by outcome (published, limited, unavailable).",
    labels: ["kind", "outcome"],
  },
  commands: {
    name: "weft_gateway_ws_commands_total",
    help: "Commands of clients, by what they were answered: ok, or the code of the error. Frames that hold none are invalid.",
    labels: ["command", "outcome"],
  },
  limited: {
    name: "weft_gateway_ws_limited_total",
    help: "What was refused as too many, by the limit (channels, subscribers, connections, user_connections).",
    labels: ["limit"],
  },
  upgrades: {
    name: "weft_gateway_ws_upgrades_total",
    help: "Requests to open a WebSocket, by the status of the answer (101 for those that were opened).",
    labels: ["status"],
  },
  invalidPayloads: {
    name: "weft_gateway_ws_invalid_payloads_total",
    help: "Messages of the live feed that are no JSON and were passed to nobody.",
    labels: ["kind"],
  },
  gaps: { name: "weft_gateway_ws_gaps_total", help: "Interruptions of the live feed.", labels: ["kind"] },
  gapNotices: {
    name: "weft_gateway_ws_gap_notices_total",
    help: "Subscribers that were told that messages are missing, and go on.",
    labels: ["kind"],
  },
  subscriptionsEnded: {
    name: "weft_gateway_ws_subscriptions_ended_total",
    help: "Subscriptions that the gateway has ended, by the reason it gave.",
    labels: ["kind", "reason"],
  },
  channelReads: {
    name: "weft_gateway_ws_channel_reads_total",
    help: "Comparisons of a channel's position with its log, by what led to it (start, gap, jump, check) and what was found (whole, insufficient, unavailable).",
    labels: ["kind", "reason", "outcome"],
  },
  repaired: {
    name: "weft_gateway_ws_repaired_total",
    help: "Publications that came from the log, as the feed had not brought them in time.",
    labels: ["kind"],
  },
  repeats: {
    name: "weft_gateway_ws_repeats_total",
    help: "Publications that were heard again and passed to nobody.",
    labels: ["kind"],
  },
  recoveries: {
    name: "weft_gateway_ws_recoveries_total",
    help: "Subscribers that asked to go on from a position, by whether everything since was there (recovered, unrecovered).",
    labels: ["kind", "outcome"],
  },
  presenceUpdates: {
    name: "weft_gateway_ws_presence_updates_total",
    help: "Writings and readings of who is present in a channel, by outcome (done, unavailable).",
    labels: ["outcome"],
  },
  presenceTold: {
    name: "weft_gateway_ws_presence_told_total",
    help: "Changes of presence that the watchers of a channel were told, several joins and leaves in one.",
    labels: [],
  },
  tickets: {
    name: "weft_gateway_ws_tickets_total",
    help: "One-time tickets, by what became of them (issued, redeemed, refused, unavailable).",
    labels: ["outcome"],
  },
  closes: {
    name: "weft_gateway_ws_closes_total",
    help: "WebSocket connections that have ended, by reason.",
    labels: ["reason"],
  },
} as const;

/** The gateway's counters and gauges on a service's registry. */
export function createGatewayMetrics(metrics: Metrics) {
  return {
    requests: requestMeter(metrics),
    rateLimited: metrics.counter(definitions.rateLimited),
    shed: metrics.counter(definitions.shed),
    countedAlone: metrics.counter(definitions.countedAlone),
    connections: metrics.gauge(definitions.connections),
    subscriptions: metrics.gauge(definitions.subscriptions),
    pushes: pushTotals(metrics),
    skipped: metrics.counter(definitions.skipped),
    thinned: metrics.counter(definitions.thinned),
    publications: metrics.counter(definitions.publications),
    commands: metrics.counter(definitions.commands),
    limited: metrics.counter(definitions.limited),
    upgrades: metrics.counter(definitions.upgrades),
    invalidPayloads: metrics.counter(definitions.invalidPayloads),
    gaps: metrics.counter(definitions.gaps),
    gapNotices: metrics.counter(definitions.gapNotices),
    subscriptionsEnded: metrics.counter(definitions.subscriptionsEnded),
    channelReads: metrics.counter(definitions.channelReads),
    repaired: metrics.counter(definitions.repaired),
    repeats: metrics.counter(definitions.repeats),
    recoveries: metrics.counter(definitions.recoveries),
    presenceUpdates: metrics.counter(definitions.presenceUpdates),
    presenceTold: metrics.counter(definitions.presenceTold),
    tickets: metrics.counter(definitions.tickets),
    closes: metrics.counter(definitions.closes),
  };
}

export interface RequestMeter {
  /** An HTTP request was answered; `trace` is shown as an example of how long that takes. */
  answered(protocol: string, method: string, status: number, durationMs: number, trace: TraceIds | undefined): void;
}

/** Of every request, so counting is an addition: totals are read at a scrape. */
function requestMeter(metrics: Metrics): RequestMeter {
  const totals = new Map<string, Map<string, Map<number, number>>>();
  const recorders = new Map<string, CallRecorder>();
  metrics.totals(definitions.requests, () =>
    [...totals].flatMap(([protocol, methods]) =>
      [...methods].flatMap(([method, statuses]) =>
        [...statuses].map(([status, total]) => [{ protocol, method, status: String(status) }, total] as const),
      ),
    ),
  );
  return {
    answered(protocol, method, status, durationMs, trace) {
      const methods = got(totals, protocol, () => new Map<string, Map<number, number>>());
      const statuses = got(methods, method, () => new Map<number, number>());
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      got(recorders, protocol, () => metrics.durationRecorder(definitions.requestSeconds, { protocol })).record(
        0,
        durationMs,
        trace,
      );
    },
  };
}

function got<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** Frames pushed in channels of one kind. */
export interface PushTotal {
  count: number;
}

/** One for every delivery, so counting is an addition: the totals are read at a scrape. */
function pushTotals(metrics: Metrics): { readonly of: (kind: string) => PushTotal } {
  const totals = new Map<string, PushTotal>();
  metrics.totals(definitions.pushes, () => [...totals].map(([kind, { count }]) => [{ kind }, count]));
  return {
    of: (kind) => {
      const total = totals.get(kind) ?? { count: 0 };
      totals.set(kind, total);
      return total;
    },
  };
}

export type GatewayMetrics = ReturnType<typeof createGatewayMetrics>;
