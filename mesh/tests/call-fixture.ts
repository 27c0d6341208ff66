import type { AttemptCounters } from "../src/client/call-core.ts";
import { CallPath, type CallPathOptions } from "../src/client/call-path.ts";
import { asConnectError } from "../src/client/client-error.ts";
import { Peer, type PeerOptions } from "../src/client/peer.ts";
import { retryDefaults } from "../src/client/retry.ts";
import { RetryBudget } from "../src/client/retry-budget.ts";
import { systemClock } from "../src/clock.ts";
import { DeadlineWheel } from "../src/deadline-wheel.ts";
import { Metrics } from "../src/metrics/metrics.ts";
import { ConnectionBudget } from "../src/pool/connection-budget.ts";
import { Http2Connection } from "../src/pool/http2-connection.ts";
import { systemRandom } from "../src/random.ts";
import { endpointOf } from "../src/registry/registry.ts";
import { staticInstance } from "../src/registry/static-instances.ts";
import { noCounters } from "./probe-call.ts";

/** The whole path of a call, from typed client to sockets, to instances on the given ports; no registry, no service. */
export interface CallFixture {
  readonly peer: Peer;
  readonly path: CallPath;
  readonly attempts: AttemptCounters;
  readonly metrics: Metrics;
  readonly fallbacks: () => number;
}

export interface CallFixtureOptions extends Partial<Omit<CallPathOptions, "core" | "metrics">> {
  readonly peer?: Partial<PeerOptions>;
  readonly retryBudget?: RetryBudget;
}

export function callFixture(ports: readonly number[], options: CallFixtureOptions = {}): CallFixture {
  const { peer: peerOptions, retryBudget = new RetryBudget(), ...pathOptions } = options;
  const metrics = new Metrics();
  let fallbacks = 0;
  const peer = new Peer({
    name: "user-service",
    clock: systemClock,
    random: systemRandom,
    budget: new ConnectionBudget(),
    zone: "",
    scaler: { minConnections: 2, maxConnections: 4 },
    connect: (instance, id) =>
      new Http2Connection({
        id,
        endpoint: endpointOf(instance),
        clock: systemClock,
        laneCounters: noCounters(),
        onFallback: () => {
          fallbacks += 1;
        },
      }),
    ...peerOptions,
  });
  peer.update(ports.map((port) => staticInstance(peer.name, "127.0.0.1", port)));
  const attempts = { ok: 0, failed: 0, retried: 0, budgetExhausted: 0, hedged: 0 };
  const path = new CallPath({
    core: {
      peer,
      clock: systemClock,
      random: systemRandom,
      wheel: new DeadlineWheel(systemClock),
      retry: retryDefaults,
      retryBudget,
      attempts,
      asConnectError: (error, method) => asConnectError(error, peer.name, method),
    },
    metrics,
    ...pathOptions,
  });
  return { peer, path, attempts, metrics, fallbacks: () => fallbacks };
}
