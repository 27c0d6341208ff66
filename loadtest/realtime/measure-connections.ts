import type { RowRule } from "../report/rows.ts";
import { formatNumber } from "../report/table.ts";
import { Audience } from "./audience.ts";
import type { LiveServer } from "./live-servers.ts";
import { labels, type Measuring, type RealtimeProfile } from "./measuring.ts";
import { liveHeapBytesOf, openFilesLimitOf, residentBytesOf } from "./server-figures.ts";

/*
 * What an open connection takes of the server's memory: of its heap, after a collection, and of what the system has given the
 * process. Idle ones have been admitted (ours with a verified token) and say nothing; then each is subscribed to a channel
 * (ours with a looked-up permission). Connections from before count for nobody: the first ones pay for what all share.
 *
 * Then ours is filled for as long as it may take, up to the limit of open files of this machine's processes.
 */

const firstOnes = 200;
const stepOfHolding = 1000;
/** Files of a process that are no connections of the load, and some to spare. */
const otherFiles = 200;
const states = ["idle", "subscribed"] as const;
const peers = ["ws", "socket.io"] as const;

interface Memory {
  readonly heap: number;
  readonly resident: number;
}

export async function measureConnections(measuring: Measuring, servers: readonly LiveServer[]): Promise<void> {
  for (const server of servers) {
    const audience = new Audience(server, measuring.folder, `${server.id}-connections`);
    try {
      const residentBefore = residentBytesOf(server.pid);
      await compare(measuring, server, audience);
      if (server.id === "weft") {
        await hold(measuring, server, audience, residentBefore);
      }
    } catch (error) {
      measuring.samples.fail("connections/idle/heap", server.id, String(error));
      measuring.say(`connections of ${labels[server.id]} failed: ${String(error)}`);
    } finally {
      await audience.close();
    }
  }
}

async function compare(measuring: Measuring, server: LiveServer, audience: Audience): Promise<void> {
  const { profile, samples, say } = measuring;
  await audience.open(firstOnes);
  const before = await memoryOf(server, measuring);
  await audience.open(profile.compared);
  const idle = perConnection(before, await memoryOf(server, measuring), profile.compared);
  await audience.subscribe();
  const subscribed = perConnection(before, await memoryOf(server, measuring), profile.compared);
  for (const [state, memory] of [
    ["idle", idle],
    ["subscribed", subscribed],
  ] as const) {
    samples.add(`connections/${state}/heap`, server.id, 0, memory.heap);
    samples.add(`connections/${state}/rss`, server.id, 0, memory.resident);
    const bytes = `${formatNumber(memory.heap)} B of heap, ${formatNumber(memory.resident)} B resident`;
    say(`${profile.compared} connections of ${labels[server.id]}, ${state}: ${bytes} each`);
  }
}

/** Opens more until there are enough, no more fit, or the time is over. */
async function hold(
  { profile, samples, folder, say }: Measuring,
  server: LiveServer,
  first: Audience,
  residentBefore: number,
): Promise<void> {
  const room = openFilesLimitOf(server.pid) - otherFiles;
  const most = Math.min(profile.held, room);
  const endMs = performance.now() + profile.holdMs;
  const audiences = [first];
  let held = first.clients;
  try {
    while (held < most && performance.now() < endMs) {
      let audience = audiences.at(-1) as Audience;
      // The clients' processes have the same limit.
      if (audience.clients + stepOfHolding > room) {
        audience = new Audience(server, folder, `weft-held-${audiences.length}`);
        audiences.push(audience);
      }
      const step = Math.min(stepOfHolding, most - held);
      await audience.open(step);
      await audience.subscribe();
      held += step;
    }
    samples.add("connections/held", "weft", 0, held);
    samples.add("connections/held/rss", "weft", 0, (residentBytesOf(server.pid) - residentBefore) / held);
    const gibibytes = residentBytesOf(server.pid) / 2 ** 30;
    const end = held === room ? "the limit of open files" : held === profile.held ? "as many as asked" : "the time";
    say(
      `${held} connections held and subscribed, ${gibibytes.toFixed(2)} GiB resident; ended by ${end} (${room + otherFiles} files)`,
    );
  } finally {
    for (const audience of audiences.slice(1)) {
      await audience.close();
    }
  }
}

async function memoryOf({ pid }: LiveServer, { folder }: Measuring): Promise<Memory> {
  const heap = await liveHeapBytesOf(pid, folder);
  return { heap, resident: residentBytesOf(pid) };
}

function perConnection(before: Memory, after: Memory, connections: number): Memory {
  return {
    heap: (after.heap - before.heap) / connections,
    resident: (after.resident - before.resident) / connections,
  };
}

export function connectionRules({ compared }: RealtimeProfile): readonly RowRule[] {
  const held: RowRule = {
    ...{ id: "connections/held", series: "connections/held", unit: "connections", better: "more" },
    ...{ what: "connections that the gateway held, each subscribed", ours: "weft", atLeast: null },
  };
  const bytes = states.flatMap((state) =>
    (["heap", "rss"] as const).flatMap((of) =>
      peers.map((peer): RowRule => {
        const series = `connections/${state}/${of}`;
        return {
          ...{ id: `${series}/${peer}`, series, ours: "weft", peer, peerName: labels[peer] ?? peer, atLeast: null },
          ...{ unit: "B", better: "less" },
          what: `bytes ${of === "heap" ? "of heap" : "resident"} per ${state} connection, of ${compared}`,
        };
      }),
    ),
  );
  const heldBytes: RowRule = {
    ...{ id: "connections/held/rss", series: "connections/held/rss", unit: "B", better: "less" },
    ...{
      what: "bytes resident that each of those took, garbage of their opening included",
      ours: "weft",
      atLeast: null,
    },
  };
  return [held, heldBytes, ...bytes];
}
