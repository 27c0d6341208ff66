import { setTimeout as delay } from "node:timers/promises";
import type { ContenderId } from "../contenders/contender.ts";
import { Pair } from "../processes/pair.ts";
import { formatNumber } from "../report/table.ts";
import type { RoundContext, Scenario } from "./scenario.ts";

/*
 * What an open connection costs while nothing is called: pings and their timers. A pair of processes with one connection
 * and a pair with 21 rest side by side; what the second uses more, of both sides, is of 20 connections. What a process does
 * for itself (heartbeats to the registry, metrics of the runtime) cancels out.
 */

const id = "idle-cpu";
const contenders: readonly ContenderId[] = ["weft", "grpc-js"];
const extraConnections = 20;
/** Let connections open, and code that runs once be done. */
const settleMs = 3_000;
const openWithinMs = 5_000;
/** Below this two windows of the same process differ by as much; a smaller figure is not told from nothing. */
const resolutionMsPerMinute = 0.1;

export const idleCpu: Scenario = {
  id,
  needs: [],
  once: true,
  measure: async (context) => {
    await Promise.all(contenders.map((contender) => measureIdle(context, contender)));
  },
  rules: [
    {
      id: `${id}/grpc-js`,
      what: `CPU of both sides per idle connection and minute; ${resolutionMsPerMinute} is as little as can be told`,
      series: id,
      unit: "ms/min",
      better: "less",
      ours: "weft",
      peer: "grpc-js",
      atLeast: null,
    },
  ],
  charts: [{ series: id, title: "CPU per idle connection and minute", unit: "ms", better: "less" }],
};

async function measureIdle(context: RoundContext, contender: ContenderId): Promise<void> {
  const { samples, round, profile } = context;
  try {
    const [one, many] = await Promise.all([
      startIdle(context, contender, 1),
      startIdle(context, contender, 1 + extraConnections),
    ]);
    await delay(settleMs);
    const [cpuOfOne, cpuOfMany] = await Promise.all([one.idleCpuMs(profile.idleMs), many.idleCpuMs(profile.idleMs)]);
    const perMinute = ((cpuOfMany - cpuOfOne) / extraConnections / profile.idleMs) * 60_000;
    samples.add(id, contender, round, Math.max(resolutionMsPerMinute, perMinute));
    context.progress(`${id}  ${one.label}: ${formatNumber(perMinute)} ms per connection and minute`);
    await Promise.all([one.stop(), many.stop()]);
  } catch (error) {
    samples.fail(id, contender, error instanceof Error ? error.message : String(error));
    context.progress(`${id}  ${contender} failed: ${String(error)}`);
  }
}

async function startIdle({ crew }: RoundContext, contender: ContenderId, connections: number): Promise<Pair> {
  const pair = await Pair.start(crew, { contender, name: `idle-${contender}-${connections}`, connections });
  const deadlineMs = performance.now() + openWithinMs;
  for (;;) {
    const open = await pair.openConnections();
    if (open === connections) {
      return pair;
    }
    if (performance.now() > deadlineMs) {
      await pair.stop();
      throw new Error(`${open} of ${connections} connections were open after ${openWithinMs} ms`);
    }
    await delay(50);
  }
}
