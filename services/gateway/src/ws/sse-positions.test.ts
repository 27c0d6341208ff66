import { describe, expect, it } from "vitest";
import { positionsFromEventId, SsePositions } from "./sse-positions.ts";

const subscribed = (channel: string, offset: number) =>
  JSON.stringify({ id: 1, subscribed: { channel, recoverable: true, epoch: "e", offset } });
const push = (channel: string, offset?: number) => JSON.stringify({ push: { channel, data: { offset: 99 }, offset } });

describe("the id of an event", () => {
  it("is the position in all channels that have one", () => {
    const positions = new SsePositions();
    positions.read(subscribed("project:p", 3));
    positions.read(subscribed("notifications:u", 7));
    const { id = "" } = positions.read(push("project:p", 4));
    expect(positionsFromEventId(id)).toEqual(
      new Map([
        ["project:p", { epoch: "e", offset: 4 }],
        ["notifications:u", { epoch: "e", offset: 7 }],
      ]),
    );
  });

  it("is left out where nothing has moved: live messages, answers without a position, pings", () => {
    const positions = new SsePositions();
    expect(positions.read(push("simulation:s", 1))).toEqual({});
    expect(positions.read('{"id":1,"subscribed":{"channel":"simulation:s"}}')).toEqual({});
    positions.read(subscribed("project:p", 3));
    expect(positions.read(push("project:p"))).toEqual({});
    expect(positions.read('{"id":2,"pong":{}}')).toEqual({});
  });

  it("follows a gap notice that names the new position", () => {
    const positions = new SsePositions();
    positions.read(subscribed("project:p", 3));
    const notice = { code: "gap", channel: "project:p", epoch: "f", offset: 1 };
    const { id = "" } = positions.read(JSON.stringify({ notice }));
    expect(positionsFromEventId(id)?.get("project:p")).toEqual({ epoch: "f", offset: 1 });
  });

  it.each([
    ["no base64", "!!!"],
    ["no JSON", Buffer.from("{").toString("base64url")],
    ["no positions", Buffer.from('{"project:p":5}').toString("base64url")],
    ["an epoch that cannot be one", Buffer.from('{"project:p":["E:1",5]}').toString("base64url")],
    ["an offset that cannot be one", Buffer.from('{"project:p":["e",-5]}').toString("base64url")],
    ["null", Buffer.from("null").toString("base64url")],
    ["too long", "A".repeat(40_000)],
  ])("that has %s is not read", (_, id) => {
    expect(positionsFromEventId(id)).toBeUndefined();
  });
});
