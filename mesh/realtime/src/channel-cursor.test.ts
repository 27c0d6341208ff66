import { beforeEach, describe, expect, it } from "vitest";
import { ChannelCursor } from "./channel-cursor.ts";
import { resolveConnectOptions } from "./options.ts";
import { Subscriber } from "./subscriber.ts";

const channel = "project:p";
let told: unknown[];
/** From where it has joined. */
let joins: unknown[];
let cursor: ChannelCursor;

beforeEach(() => {
  told = [];
  joins = [];
  const source = {
    join: (_channel: string, _options: object, from: unknown) => joins.push(from),
    leave: () => undefined,
  };
  cursor = new ChannelCursor(channel, {}, source, undefined);
  const handlers = {
    onMessage: (message: unknown) => told.push(message),
    onState: (state: object) => told.push("recovered" in state ? state.recovered : state),
  };
  const options = resolveConnectOptions("ws://host/", { token: () => "token" });
  cursor.add(new Subscriber(handlers, options, () => cursor.position, false));
  cursor.join();
  cursor.hear({ type: "begin", channel, position: { epoch: "a", offset: 4 }, recovered: false, publications: [] });
});

function message(offset: number, epoch = "a"): void {
  cursor.hear({
    type: "message",
    channel,
    data: offset,
    position: { epoch, offset },
    skipped: 0,
    from: undefined,
    key: undefined,
  });
}

describe("a tab that follows a channel", () => {
  it("passes on what comes next, and nothing twice", () => {
    message(5);
    message(5);
    message(4);
    message(6);
    expect(told).toEqual([false, 5, 6]);
    expect(cursor.position).toEqual({ epoch: "a", offset: 6 });
  });

  it.each([
    ["when something is missing", 7, "a"],
    ["when the epoch is another", 1, "b"],
  ])("joins again from where it is %s, and hears nothing but the answer", (_when, offset, epoch) => {
    message(5);
    message(offset, epoch);
    message(6);
    cursor.hear({ type: "interrupted", channel });
    expect(joins).toEqual([undefined, { epoch: "a", offset: 5 }]);
    expect(told).toEqual([false, 5]);
    const publications = [6, 7].map((each) => ({ offset: each, data: each }));
    cursor.hear({ type: "begin", channel, position: { epoch: "a", offset: 7 }, recovered: true, publications });
    message(8);
    expect(told).toEqual([false, 5, true, 6, 7, 8]);
  });

  it("hears only the first of two answers", () => {
    message(5);
    cursor.hear({ type: "begin", channel, position: { epoch: "a", offset: 4 }, recovered: false, publications: [] });
    message(6);
    expect(told).toEqual([false, 5, 6]);
  });
});
