import { machineMs, type Published, type PublishOrder } from "./orders.ts";

/*
 * When messages are published, for all contenders alike. A closed loop sends what its window has room for as soon as it
 * hears of arrivals; an open loop sends what is due and does not care. Both look every millisecond, so what is published
 * goes out in small bursts, as in a system where several writers meet.
 */

/** One frame for the subscribers of a channel: messages from `first` on, of that channel. */
export interface Publication {
  readonly channel: string;
  readonly first: number;
  readonly messages: number;
}

/** Sends one; what it gives is settled when it has been taken over. */
export type Publish = (publication: Publication) => Promise<unknown> | undefined;

const lookEveryMs = 1;

/** How many messages all subscribers have by now. */
export class Arrivals {
  arrived = 0;
}

/** Publishes for as long as the order says; resolves when all that was sent has been taken over. */
export async function runPublishing(order: PublishOrder, publish: Publish, arrivals: Arrivals): Promise<Published> {
  const next = publicationsOf(order, arrivals);
  const endMs = (order.kind === "publish-open" ? order.schedule.startMs : machineMs()) + order.durationMs;
  const underWay: Promise<unknown>[] = [];
  let frames = 0;
  let messages = 0;
  let failed = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const nowMs = machineMs();
      for (let one = next(nowMs); one !== undefined; one = next(nowMs)) {
        frames += 1;
        messages += one.messages;
        const taken = publish(one);
        if (taken !== undefined) {
          underWay.push(
            taken.catch(() => {
              failed += 1;
            }),
          );
        }
      }
      if (nowMs >= endMs) {
        clearInterval(timer);
        resolve();
      }
    }, lookEveryMs);
  });
  await Promise.all(underWay);
  return { frames, messages, failed };
}

type Next = (nowMs: number) => Publication | undefined;

/** What goes out next, if anything does by now. Pure but for what it has given already: the time is passed in. */
export function publicationsOf(order: PublishOrder, arrivals: Arrivals): Next {
  return order.kind === "publish-closed" ? closedLoop(order, arrivals) : openLoop(order);
}

function closedLoop({ channel, window }: Extract<PublishOrder, { kind: "publish-closed" }>, arrivals: Arrivals): Next {
  let sent = 0;
  arrivals.arrived = 0;
  return () => {
    if (sent - arrivals.arrived >= window) {
      return undefined;
    }
    sent += 1;
    return { channel, first: sent - 1, messages: 1 };
  };
}

function openLoop({ channels, schedule, durationMs }: Extract<PublishOrder, { kind: "publish-open" }>): Next {
  const { startMs, messagesPerSecond, messagesPerFrame } = schedule;
  const gapMs = 1000 / messagesPerSecond;
  const rounds = Math.floor(durationMs / gapMs / channels.length / messagesPerFrame);
  let frame = 0;
  return (nowMs) => {
    const place = frame % channels.length;
    const first = Math.floor(frame / channels.length) * messagesPerFrame;
    const lastDueMs = startMs + ((first + messagesPerFrame - 1) * channels.length + place) * gapMs;
    if (lastDueMs > nowMs || frame >= rounds * channels.length) {
      return undefined;
    }
    frame += 1;
    return { channel: channels[place] as string, first, messages: messagesPerFrame };
  };
}
