import type { RowRule } from "../report/rows.ts";
import { formatNumber } from "../report/table.ts";
import { Audience } from "./audience.ts";
import type { OurServer } from "./live-servers.ts";
import type { Measuring } from "./measuring.ts";
import { cpuSecondsOf } from "./server-figures.ts";

/*
 * Messages through Redis, by a schedule that knows nothing of arrivals: a message is late from when it was due, also while its
 * batch fills (correction for coordinated omission). The mesh's pub/sub sends what it is given; who has many messages sends
 * them as one list, as here. Of a channel whose messages replace each other nothing is kept, so Redis only passes them on.
 *
 * Beside it, a tenth of the rate with each message published by itself: what the batches are for.
 */

const asked = { messagesPerSecond: 100_000, p99Ms: 16 } as const;
const messagesPerBatch = 25;
const clientsPerChannel = 2;
const variants = [
  { id: "batched", rate: { messagesPerSecond: asked.messagesPerSecond, messagesPerFrame: messagesPerBatch } },
  { id: "single", rate: { messagesPerSecond: asked.messagesPerSecond / 10, messagesPerFrame: 1 } },
] as const;

export async function measurePublished(measuring: Measuring, server: OurServer): Promise<void> {
  const { profile, samples, folder, say } = measuring;
  const audience = new Audience(server, folder, "weft-published");
  const pids = { publisher: server.publisher.pid, Redis: server.redisPid, gateway: server.pid };
  try {
    await audience.open(server.latestChannels.length * clientsPerChannel);
    await audience.subscribe(server.latestChannels);
    for (const { rate } of variants) {
      await audience.pace(rate, profile.measureMs / 2, server.latestChannels);
    }
    for (let round = 0; round < profile.rounds; round += 1) {
      samples.add("published/rate", "asked", round, asked.messagesPerSecond);
      samples.add("published/p99", "asked", round, asked.p99Ms);
      for (const { id, rate } of variants) {
        const startedMs = performance.now();
        const before = Object.values(pids).map(cpuSecondsOf);
        const figures = await audience.pace(rate, profile.pacedMs, server.latestChannels);
        const seconds = (performance.now() - startedMs) / 1000;
        const shares = Object.entries(pids).map(([name, pid], index) => {
          return `${name} ${((cpuSecondsOf(pid) - (before[index] ?? 0)) / seconds).toFixed(2)}`;
        });
        samples.add("published/rate", id, round, figures.messagesPerSecond);
        samples.add("published/p99", id, round, figures.p99Ms);
        const what = `${formatNumber(figures.messagesPerSecond)} messages/s, ${id}: p99 ${figures.p99Ms.toFixed(2)} ms`;
        say(`round ${round + 1}/${profile.rounds}  ${what}; CPUs: ${shares.join(", ")}`);
      }
    }
  } catch (error) {
    for (const { id } of variants) {
      samples.fail("published/p99", id, String(error));
    }
    say(`publishing failed: ${String(error)}`);
  } finally {
    await audience.close();
  }
}

const shared = { peer: "asked", peerName: "asked" } as const;
const arriving = `arriving at each of ${clientsPerChannel} clients of every channel`;

export const publishedRules: readonly RowRule[] = [
  {
    ...{ ...shared, id: "published/batched/rate", series: "published/rate", ours: "batched" },
    ...{ unit: "messages/s", better: "more", atLeast: 0.999 },
    what: `messages a second through Redis, ${messagesPerBatch} in each publication, all ${arriving}`,
  },
  {
    ...{ ...shared, id: "published/batched/p99", series: "published/p99", ours: "batched" },
    ...{ unit: "ms", better: "less", atLeast: 1 },
    what: `p99 of those, from when each message was due, the filling of its batch included`,
  },
  {
    ...{ ...shared, id: "published/single/p99", series: "published/p99", ours: "single" },
    ...{ unit: "ms", better: "less", atLeast: null },
    what: `p99 of ${formatNumber(variants[1].rate.messagesPerSecond)} messages a second, each published by itself`,
  },
];
