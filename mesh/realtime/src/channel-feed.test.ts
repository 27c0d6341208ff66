import { FakeClock } from "@weft/mesh/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { ChannelFeed } from "./channel-feed.ts";
import type { FeedEvent } from "./feed-event.ts";
import { readSubscribed } from "./protocol.ts";

const channel = "project:p";

/** What members were told, by name. */
let told: Record<string, FeedEvent[]>;
let asked: unknown[];
let feed: ChannelFeed;

beforeEach(() => {
  told = {};
  asked = [];
  feed = new ChannelFeed(
    channel,
    {},
    {
      clock: new FakeClock(),
      random: { next: () => 0 },
      retryBaseMs: 1,
      retryMaxMs: 1,
      request: (_command, body, settle) => {
        asked.push(body);
        settle({
          ok: true,
          body: { epoch: "a", offset: 5, recovered: true, publications: [{ offset: 5, data: "five" }] },
        });
      },
      emit: (event, members) => {
        for (const member of members) {
          told[member] = [...(told[member] ?? []), event];
        }
      },
      ended: () => undefined,
    },
  );
});

describe("a feed that is joined by a tab", () => {
  beforeEach(() => {
    feed.join("first", { epoch: "a", offset: 4 }, [{ offset: 4, data: "four" }]);
    feed.subscribe();
    feed.frame({ kind: "push", channel, data: "six", offset: 6, skipped: 0, from: undefined, key: undefined });
  });

  const answerTo = (offset: number, epoch = "a") => {
    feed.join("second", { epoch, offset }, []);
    const event = told.second?.at(-1);
    return event?.type === "begin" && event.recovered ? event.publications.map(({ data }) => data) : "not recovered";
  };

  it("goes on from where the tab was", () => {
    expect(asked).toEqual([{ channel, recover: { epoch: "a", offset: 4 } }]);
    expect(told.first?.map((event) => ("data" in event ? event.data : event.type))).toEqual(["begin", "six"]);
    expect(told.first?.[0]).toMatchObject({ recovered: true, publications: [{ offset: 5, data: "five" }] });
  });

  it("gives another what it missed, from what the first one brought", () => {
    expect(answerTo(6)).toEqual([]);
    expect(answerTo(3)).toEqual(["four", "five", "six"]);
  });

  it("never guesses: nothing for who is further behind, ahead, or in another epoch", () => {
    expect(answerTo(2)).toBe("not recovered");
    expect(answerTo(7)).toBe("not recovered");
    expect(answerTo(6, "b")).toBe("not recovered");
  });
});

describe("an answer that calls itself recovered", () => {
  const asks = { epoch: "a", offset: 4 };
  const publications = [
    { offset: 5, data: 5 },
    { offset: 6, data: 6 },
  ];

  it("is believed when it leads from the one position to the other", () => {
    expect(readSubscribed({ epoch: "a", offset: 6, recovered: true, publications }, asks)).toEqual({
      position: { epoch: "a", offset: 6 },
      recovered: true,
      publications,
    });
  });

  it.each([
    ["ends before the position", { epoch: "a", offset: 7, recovered: true, publications }],
    ["has a hole", { epoch: "a", offset: 6, recovered: true, publications: [publications[1], publications[1]] }],
    ["is of another epoch", { epoch: "b", offset: 6, recovered: true, publications }],
    [
      "has something else among them",
      { epoch: "a", offset: 6, recovered: true, publications: [publications[0], null] },
    ],
  ])("is not when it %s", (_what, body) => {
    expect(readSubscribed(body, asks)).toMatchObject({ recovered: false, publications: [] });
  });
});
