import { expect, test } from "vitest";
import type { Row } from "../report/rows.ts";
import { extrapolation } from "./extrapolation.ts";

const row = (id: string, ours: number): Row => ({
  ...{ id, what: "", ours, peer: null, peerName: null, unit: "", ratio: null, atLeast: null, ok: true, spread: null },
});
const assumptions = { messagesPerUserPerSecond: 2, cpuShare: 0.5, kernelBytesPerConnection: 4096 };

test("divides what users are sent by what a core delivers, and adds their memory up", () => {
  const rows = [row("fan-out-500/alone-cpu/ws", 100_000), row("connections/held/rss", 12_288)];
  expect(extrapolation(rows, assumptions)).toEqual([
    "extrapolated, not measured: 100,000 users with 2 messages a second each, 200,000 deliveries a second, " +
      "4 gateway processes of one core at 50 %, 1.5 GiB for connections in all",
    "extrapolated, not measured: 500,000 users with 2 messages a second each, 1,000,000 deliveries a second, " +
      "20 gateway processes of one core at 50 %, 7.6 GiB for connections in all",
  ]);
});

test("says nothing without the rows that it takes", () => {
  expect(extrapolation([row("fan-out-500/alone-cpu/ws", 100_000)], assumptions)).toEqual([]);
});
