import { expect, it } from "vitest";
import type { Channel } from "./channel.ts";
import { writeClientPublication } from "./client-publication.ts";
import { LiveMessage } from "./live-message.ts";
import { PendingMessages } from "./pending-messages.ts";

const room: Channel = { name: "room:p", kind: "room", id: "p" };

function message(from: string, key: string | undefined, data: number): LiveMessage {
  return LiveMessage.from(room, writeClientPublication(from, key, String(data))) as LiveMessage;
}

it("keep the newest of each user and key, in the order in which these began to wait", () => {
  const pending = new PendingMessages();
  const first = message("ada", "cursor", 1);
  expect(pending.put(first)).toBeUndefined();
  expect(pending.put(message("bob", "cursor", 2))).toBeUndefined();
  expect(pending.put(message("ada", "selection", 3))).toBeUndefined();
  expect(pending.put(message("ada", undefined, 4))).toBeUndefined();
  expect(pending.put(message("ada", "cursor", 5))).toBe(first);
  const order: unknown[] = [];
  for (let next = pending.take(); next !== undefined; next = pending.take()) {
    order.push(next.json);
  }
  expect(order).toEqual(["5", "2", "3", "4"]);
});

it("are limited: a client that makes up keys pushes out what has waited longest", () => {
  const pending = new PendingMessages();
  for (let at = 0; at < 256; at += 1) {
    expect(pending.put(message("ada", `key-${at}`, at))).toBeUndefined();
  }
  expect(pending.put(message("ada", "one-more", 256))?.json).toBe("0");
  expect(pending.size).toBe(256);
});
