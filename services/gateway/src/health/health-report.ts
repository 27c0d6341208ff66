/** How many instances of a peer are known, and how many of them would be called. */
export type PeerState = (peer: string) => { readonly instances: number; readonly available: number };

export interface ServiceHealth {
  readonly status: "ready" | "unavailable";
  readonly instances: number;
  readonly available: number;
}

/** `ok`: every service can be called; `degraded`: some cannot; `draining`: the gateway itself is about to stop. */
export interface HealthReport {
  readonly status: "ok" | "degraded" | "draining";
  readonly services: Readonly<Record<string, ServiceHealth>>;
}

/** The state of the gateway as its callers see it (GW-13): which of the services behind it have an instance to call. */
export function healthReport(peers: readonly string[], peerState: PeerState, draining: boolean): HealthReport {
  const services = Object.fromEntries(
    peers.map((peer) => {
      const { instances, available } = peerState(peer);
      return [peer, { status: available > 0 ? "ready" : "unavailable", instances, available }] as const;
    }),
  );
  const complete = Object.values(services).every(({ status }) => status === "ready");
  return { status: draining ? "draining" : complete ? "ok" : "degraded", services };
}
