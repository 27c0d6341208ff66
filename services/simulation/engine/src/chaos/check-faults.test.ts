/** What is refused of faults, and how it is said. */
import { describe, expect, test } from "vitest";
import type { Fault } from "./fault.ts";
import { checkFaults } from "./plan-faults.ts";
import { richSystem } from "./sample-system.ts";

const when = { startMs: 5000, durationMs: 4000 };
const constant = { kind: "constant", meanMs: 50, cv: 0 } as const;

describe("checkFaults", () => {
  const spike: Fault = { kind: "traffic_spike", on: ["client-load"], factor: 3, ...when };
  const messages = (...faults: unknown[]) => checkFaults(faults as Fault[], richSystem).map(({ message }) => message);

  test.each([
    [{ kind: "storm" }, `fault "storm": kind is "storm"; allowed are latency, error,`],
    [{ ...spike, name: "rush", factor: 99_999 }, `fault "rush": factor is 99999; allowed is 0 to 10000`],
    [{ ...spike, startMs: -1 }, "startMs is -1; allowed is 0 to 604800000"],
    [{ ...spike, durationMs: 0 }, "durationMs is 0; allowed is above 0 to 604800000"],
    [{ ...spike, durationMs: "4s" }, "durationMs is 4s; allowed is above 0"],
    [{ ...spike, rampMs: 5000 }, "rampMs is 5000; allowed is at most durationMs (4000)"],
    [{ ...spike, on: ["client"] }, `on names no workload, which factor is for; allowed are workload:client-load`],
    [{ ...spike, on: [] }, "on is empty; allowed are workload:client-load"],
    [{ ...spike, on: "client-load" }, "on is client-load; allowed is a list of targets"],
    [{ ...spike, faktor: 3 }, "faktor is no field of it; allowed are factor, skew, hotShare, name, on,"],
    [{ ...spike, instances: [0] }, "instances are given; it is on all of them"],
    [{ ...spike, abort: { figure: "errors", above: 50, forMs: 0 } }, "abort.above is 50; allowed is 0 to 1"],
    [{ kind: "partition", on: ["web-flat"], rampMs: 10, ...when }, "rampMs is 10; it is all or nothing"],
    [{ kind: "partition", on: ["web-flat"], how: "slow", ...when }, `how is "slow"; allowed are silent, reset`],
    [{ kind: "latency", on: ["web-flat"], ...when }, "extra is undefined; allowed is a distribution"],
    [{ kind: "latency", on: ["web-flat"], extra: { ...constant, meanMs: -1 }, ...when }, "extra.meanMs is -1"],
    [{ kind: "capacity_loss", on: ["db"], ...when }, "instances are missing; allowed are"],
    [
      { kind: "crash", on: ["db"], instances: [3], ...when },
      `instances is [3]; of "db" allowed are whole numbers from 0 to 2`,
    ],
    [{ kind: "crash", on: ["db"], instances: { random: 4 }, ...when }, `instances random is 4; "db" allows 1 to 3`],
    [
      { kind: "crash", on: ["db"], instances: { some: 4 }, ...when },
      `instances is {"some":4}; write a list of numbers`,
    ],
    [{ kind: "cache_flush", on: ["db"], ...when }, `on names "db", a database; allowed are caches`],
    [{ kind: "cache_flush", on: ["flat"], startMs: 0, durationMs: 0 }, `"flat" has a fixed hit ratio and needs it`],
    [{ kind: "stampede", on: ["cache"], requests: 10, ...when }, "on names no workload"],
    [
      { kind: "pool_exhaustion", on: ["flat-db"], leakPerSecond: 1, ...when },
      `on names link "flat-db", which has no limit of connections`,
    ],
    [
      { kind: "pool_exhaustion", on: ["cache-db"], leakPerSecond: 1, leaves: 0, ...when },
      "leaves is 0; of connections allowed is from 1",
    ],
    [{ kind: "queue_backlog", on: ["queue"], ...when }, "neither poisonRatio nor consumersLeft is given"],
    [
      { kind: "pause", on: ["db"], everyMs: 100, lengthMs: 100, ...when },
      "lengthMs is 100; allowed is less than everyMs (100)",
    ],
    [{ kind: "config_push", on: ["db"], effect: "lookup_failures", ...when }, `on names "db"; lookups fail on links`],
    [
      { kind: "config_push", on: ["db"], effect: "synchronised_expiry", ...when },
      `on names "db", which is no cache with keys`,
    ],
    [{ kind: "rate_limit", on: ["db"], factor: 0.5, ...when }, `on names "db", which has no rate limit`],
    [{ kind: "rate_limit", on: ["web"], factor: 1, burst: 0, ...when }, "burst is 0; allowed is 1 to 10000000"],
    [{ kind: "error", on: ["db"], ratio: 1, code: "gone", ...when }, `code is "gone"; allowed are cancelled, unknown,`],
    [{ kind: "traffic_spike", on: ["client-load"], ...when }, "none of factor, skew and hotShare is given"],
    [{ kind: "traffic_spike", on: ["cache"], skew: 5.5, ...when }, "skew is 5.5; allowed is 0 to 5"],
    [{ kind: "traffic_spike", on: ["cache"], hotShare: 2, ...when }, "hotShare is 2; allowed is 0 to 1"],
    [{ kind: "traffic_spike", on: ["db"], hotShare: 0.5, ...when }, `on names "db", which is no cache with keys`],
    [
      { kind: "traffic_spike", on: ["cache", "client-load"], factor: 2, ...when },
      `on names "cache", which only skew and hotShare are for; neither is given`,
    ],
    [
      { kind: "traffic_spike", on: ["cache"], factor: 2, skew: 1, ...when },
      "on names no workload, which factor is for",
    ],
    [{ kind: "traffic_spike", on: ["client"], skew: 1, ...when }, "on names no workload"],
    [
      { kind: "traffic_spike", on: ["client-load"], hotShare: 0.5, ...when },
      "on names no cache with keys, and nothing balances by consistent_hash",
    ],
    [
      { kind: "packet_loss", on: ["cache-db"], ratio: 1, retransmitMs: 0, ...when },
      "retransmitMs is 0; allowed is above 0 to 86400000",
    ],
    [
      { kind: "queue_backlog", on: ["queue"], poisonRatio: 1, redeliveries: 1.5, ...when },
      "redeliveries is 1.5; allowed are whole numbers from 0 to 100",
    ],
    [{ kind: "retry_storm", on: ["client-web"], jitter: "some", ...when }, `jitter is "some"; allowed are full, none`],
    [
      { kind: "brown_out", on: ["db"], factor: 2, hedgeAfterMs: -1, ...when },
      "hedgeAfterMs is -1; allowed is 0 to 86400000",
    ],
  ])("refuses %j", (fault, message) => {
    expect(messages(fault).join("\n")).toContain(message);
  });

  test("says which of several faults is wrong", () => {
    expect(messages(spike, { ...spike, factor: -1 })).toEqual([
      `fault 2 "traffic_spike": factor is -1; allowed is 0 to 10000`,
    ]);
  });
});
