import { LatencyRecorder } from "../latency.ts";
import { LiveClient } from "./live-client.ts";
import { answerLiveOrders } from "./live-process.ts";
import { type Counted, type CountOrder, machineMs, type OpenOrder, type Schedule } from "./orders.ts";

/*
 * The process of the clients: it holds all connections to one server and counts what arrives. A frame is not read to know when
 * it was due: all of a channel come in order, so the n-th frame of a connection holds the n-th messages of its channel. One
 * connection in a hundred reads what it gets, and sees that this is so.
 */

/** Of one address; a port of the client's is spent for each. */
const connectionsPerAddress = 10_000;
const openedAtOnce = 64;
const subscribedAtOnce = 64;
const lookEvery = 100;

const clients: LiveClient[] = [];
const faults: string[] = [];
let frames = 0;
let latencies = new LatencyRecorder();
let schedule: Schedule | undefined;
let channelCount = 1;
let teller: NodeJS.Timeout | undefined;

async function open({ contender, port, token, connections }: OpenOrder): Promise<void> {
  const first = clients.length;
  await inTurns(connections, openedAtOnce, async (index) => {
    const place = first + index;
    clients[place] = await LiveClient.open({
      ...{ contender, port, token },
      localAddress: `127.0.0.${2 + Math.floor(place / connectionsPerAddress)}`,
      looks: place % lookEvery === 0,
      onFrame: (ofConnection) => count(place, ofConnection),
      onFault: (fault) => {
        faults.push(fault);
      },
    });
  });
}

/** `ofConnection` frames, this one included, have come there. */
function count(place: number, ofConnection: number): void {
  frames += 1;
  if (schedule === undefined) {
    return;
  }
  const { startMs, messagesPerSecond, messagesPerFrame } = schedule;
  const nowMs = machineMs();
  const last = ofConnection * messagesPerFrame;
  for (let message = last - messagesPerFrame; message < last; message += 1) {
    const dueMs = startMs + ((message * channelCount + (place % channelCount)) * 1000) / messagesPerSecond;
    latencies.record(nowMs - dueMs);
  }
}

async function subscribe(channels: readonly string[]): Promise<void> {
  channelCount = channels.length;
  await inTurns(clients.length, subscribedAtOnce, async (place) => {
    await clients[place]?.subscribe(channels[place % channels.length] as string);
  });
}

function begin({ schedule: next, tellEveryMs }: CountOrder): void {
  clearInterval(teller);
  frames = 0;
  latencies = new LatencyRecorder();
  schedule = next;
  faults.length = 0;
  for (const client of clients) {
    client.beginCount();
  }
  if (tellEveryMs !== undefined) {
    teller = setInterval(() => process.send?.({ frames }), tellEveryMs);
  }
}

function counted(): Counted {
  return {
    frames,
    atMs: machineMs(),
    p50Ms: latencies.percentileMs(50),
    p99Ms: latencies.percentileMs(99),
    maxMs: latencies.percentileMs(100),
    fewest: clients.reduce((least, client) => Math.min(least, client.frames), Number.POSITIVE_INFINITY),
    faults: faults.slice(0, 3),
  };
}

async function inTurns(total: number, atOnce: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(atOnce, total) }, async () => {
      for (let index = next++; index < total; index = next++) {
        await run(index);
      }
    }),
  );
}

answerLiveOrders(async (order) => {
  switch (order.kind) {
    case "open":
      return open(order);
    case "subscribe":
      return subscribe(order.channels);
    case "count":
      return begin(order);
    case "counted":
      return counted();
    case "close":
      clearInterval(teller);
      for (const client of clients.splice(0)) {
        client.close();
      }
      return undefined;
    default:
      throw new Error(`a client does not know the order ${order.kind}`);
  }
});
