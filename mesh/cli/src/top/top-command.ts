import { setTimeout as delay } from "node:timers/promises";
import { defineCommand } from "citty";
import type { Redis } from "ioredis";
import { CliError, describeError } from "../cli-error.ts";
import colors from "../command-line/colors.ts";
import { commonArgs, parseDuration } from "../command-line/options.ts";
import { type RegistryContents, readRegistry } from "../registry/instance-records.ts";
import { redisArgs, withRegistry } from "../registry/registry-access.ts";
import { runLive } from "./live.ts";
import { renderSnapshot } from "./render.ts";
import { fetchMetrics, Sampler, type TopView } from "./sampler.ts";
import { type SortName, sortNames } from "./top-state.ts";

export const topCommand = defineCommand({
  meta: {
    name: "top",
    description:
      "Watch services live: calls a second, latency, errors, CPU and memory of each instance, and its pools, breakers and " +
      "retries per peer, from the instances' own /metrics. Keys: q quits, arrows or hjkl select (up, down) and sort " +
      "(left, right), p pauses. Without a terminal it prints one snapshot.",
  },
  args: {
    once: { type: "boolean", description: "Print one snapshot and end" },
    json: { type: "boolean", description: "Print one snapshot as JSON and end" },
    sort: { type: "string", description: `Order: ${sortNames.join(", ")} (default rate)` },
    interval: { type: "string", description: "Time between two scrapes (default 1s)", valueHint: "1s" },
    ...redisArgs,
    ...commonArgs,
  },
  async run({ args }) {
    const sort = sortFrom(args.sort ?? "rate");
    const intervalMs = parseDuration("--interval", args.interval ?? "1s");
    if (intervalMs < leastIntervalMs) {
      throw new CliError(`--interval is "${args.interval}"; it takes ${leastIntervalMs}ms at least`);
    }
    const live =
      args.once !== true &&
      args.json !== true &&
      process.stdout.isTTY === true &&
      process.stdin.isTTY === true &&
      process.env.TERM !== "dumb";
    await withRegistry(args.redis, async (redis) => {
      const view = viewer(redis);
      if (live) {
        const terminal = { input: process.stdin, output: process.stdout, process };
        process.exitCode = await runLive({ terminal, colors, sort, intervalMs, view, wait });
        return;
      }
      await view();
      await delay(intervalMs);
      const latest = await view();
      const text = args.json ? JSON.stringify(latest, null, 2) : renderSnapshot(latest, sort, colors).join("\n");
      process.stdout.write(`${text}\n`);
    });
  },
});

/** More often would be a load of its own. */
const leastIntervalMs = 100;

function sortFrom(text: string): SortName {
  const sort = sortNames.find((name) => name === text);
  if (sort === undefined) {
    throw new CliError(`--sort is "${text}"; it takes ${sortNames.join(", ")}`);
  }
  return sort;
}

/** Reads the registry and the instances in it. While Redis is away, the instances last known are looked at. */
function viewer(redis: Redis): () => Promise<TopView> {
  const clock = { now: () => Date.now(), monotonicMs: () => performance.now() };
  const sampler = new Sampler(fetchMetrics, clock);
  let contents: RegistryContents | undefined;
  return async () => {
    let registryError: string | null = null;
    try {
      contents = await readRegistry(redis);
    } catch (error) {
      if (contents === undefined) {
        throw error;
      }
      registryError = describeError(error);
      // For the next time; whether it worked shows then.
      redis.connect().catch(() => undefined);
    }
    const instances = await sampler.sample(contents.instances);
    return { atMs: clock.now(), instances, unreadable: contents.unreadable, registryError };
  };
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
