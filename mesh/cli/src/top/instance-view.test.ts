import { describe, expect, test } from "vitest";
import { instanceLoad } from "./instance-view.ts";
import { parseMetrics } from "./parse-metrics.ts";

const at = (seconds: number, text: string) => ({
  scrape: parseMetrics(text),
  atMs: 1_000_000 + seconds * 1000,
  monotonicMs: seconds * 1000,
});

const server = (ok: number, failed: number, refused: number, fast: number, all: number) => `
# TYPE weft_server_calls_total counter
weft_server_calls_total{method="S/A",code="ok"} ${ok}
weft_server_calls_total{method="S/A",code="unavailable"} ${failed}
weft_server_calls_total{method="S/A",code="not_found"} ${refused}
weft_server_call_duration_seconds_bucket{le="0.001",method="S/A"} ${fast}
weft_server_call_duration_seconds_bucket{le="0.01",method="S/A"} ${all}
weft_server_call_duration_seconds_bucket{le="+Inf",method="S/A"} ${all}
weft_server_in_flight 7
weft_admission_limit 64
weft_lanes_open 4
weft_lane_frames_total{direction="out"} ${ok * 6}
weft_lane_batches_total{direction="out"} ${ok * 2}
process_cpu_seconds_total ${ok / 1000}
process_resident_memory_bytes 104857600
nodejs_eventloop_lag_p99_seconds 0.012
`;

const client = (calls: number, retried: number, ejections: number, state: number, transition = 'to="ejected"') => `
weft_client_calls_total{peer="user-service",method="S/B",code="ok"} ${calls}
weft_client_call_duration_seconds_bucket{le="0.001",peer="user-service",method="S/B"} ${calls}
weft_client_call_duration_seconds_bucket{le="+Inf",peer="user-service",method="S/B"} ${calls}
weft_client_attempts_total{peer="user-service",outcome="retried"} ${retried}
weft_pool_connections{peer="user-service",instance="u1",state="open"} 5
weft_pool_connections{peer="user-service",instance="u1",state="connecting"} 1
weft_pool_connections{peer="user-service",instance="u1",state="draining"} 2
weft_pool_utilization{peer="user-service",instance="u1"} 0.25
weft_pool_queue_depth{peer="user-service",instance="u1"} 3
weft_pool_calls_per_second{peer="user-service",instance="u1"} 40
weft_pool_latency_seconds{peer="user-service",instance="u1"} 0.002
weft_breaker_state{peer="user-service",instance="u1",group="read"} 0
weft_breaker_state{peer="user-service",instance="u1",group="write"} ${state}
weft_breaker_transitions_total{peer="user-service",${transition}} ${ejections}
`;

describe("the load of an instance", () => {
  test("is what happened between two scrapes, a second", () => {
    const load = instanceLoad(at(0, server(1000, 10, 0, 500, 1010)), at(2, server(1180, 20, 10, 600, 1210)));
    expect(load).toMatchObject({ callsPerSecond: 100, inFlight: 7, admissionLimit: 64, lanesOpen: 4, meanBatch: 3 });
    expect(load).toMatchObject({ memoryBytes: 104857600, eventLoopLagP99Ms: 12 });
    expect(load.cpuShare).toBeCloseTo(0.09);
    expect(load.p50Ms).toBeCloseTo(1);
    expect(load.p99Ms).toBeCloseTo(9.82);
  });

  test("counts as errors what failed, not what was refused", () => {
    const load = instanceLoad(at(0, server(0, 0, 0, 0, 0)), at(1, server(80, 5, 15, 100, 100)));
    expect(load.errorShare).toBeCloseTo(0.05);
  });

  test("survives that the process began again", () => {
    const load = instanceLoad(at(0, server(9000, 900, 0, 9000, 9900)), at(1, server(40, 0, 0, 40, 40)));
    expect([load.callsPerSecond, load.errorShare]).toEqual([40, 0]);
    expect(load.p99Ms).toBeLessThan(1);
  });

  test("has no rates after one scrape, but what stands", () => {
    const load = instanceLoad(undefined, at(0, server(1000, 10, 0, 500, 1010)));
    expect(load).toMatchObject({ callsPerSecond: null, p50Ms: null, p99Ms: null, errorShare: null, cpuShare: null });
    expect(load.inFlight).toBe(7);
  });

  test("is zero calls where there were none, and unknown where nothing counts them", () => {
    const idle = at(0, "# TYPE weft_server_calls_total counter\n");
    expect(instanceLoad(idle, { ...idle, monotonicMs: 1000 }).callsPerSecond).toBe(0);
    const other = instanceLoad(at(0, "x 1\n"), at(1, "x 1\n"));
    expect([other.callsPerSecond, other.errorShare, other.inFlight, other.memoryBytes]).toEqual([
      null,
      null,
      null,
      null,
    ]);
    expect(other.peers).toEqual([]);
  });
});

describe("a peer", () => {
  test("has its calls, retries, and the pool and the worst breaker of each instance", () => {
    const [peer, ...others] = instanceLoad(at(0, client(100, 5, 0, 1)), at(1, client(150, 15, 0, 1))).peers;
    expect(others).toEqual([]);
    expect(peer).toMatchObject({ peer: "user-service", callsPerSecond: 50, errorShare: 0, retriesPerSecond: 10 });
    expect(peer?.lastTransition).toBeNull();
    expect(peer?.pools).toEqual([
      {
        ...{ instance: "u1", open: 5, connecting: 1, draining: 2, utilization: 0.25, queueDepth: 3 },
        ...{ callsPerSecond: 40, latencyMs: 2, breaker: "probing" },
      },
    ]);
  });

  test("keeps the last change of its breakers, with the reason where the metric has one", () => {
    const first = at(0, client(1, 0, 1, 0));
    const turned = instanceLoad(first, at(1, client(1, 0, 2, 2)));
    const transition = { to: "ejected", instance: null, reason: null, atMs: 1_001_000 };
    expect(turned.peers[0]?.lastTransition).toEqual(transition);
    const later = instanceLoad(at(1, client(1, 0, 2, 2)), at(2, client(1, 0, 2, 2)), turned.peers);
    expect(later.peers[0]?.lastTransition).toEqual(transition);
    const labels = 'to="probing",reason="pause_over",instance="u1"';
    const probing = instanceLoad(at(2, client(1, 0, 0, 2, labels)), at(3, client(1, 0, 1, 1, labels)), later.peers);
    expect(probing.peers[0]?.lastTransition).toEqual({
      ...{ to: "probing", instance: "u1", reason: "pause_over", atMs: 1_003_000 },
    });
  });
});
