import { describe, expect, it } from "vitest";
import { faultsOfHistory, type ReaderEvent } from "./channel-history.ts";

const epoch = "e";
const at = (offset: number, of = epoch) => ({ epoch: of, offset });
const published = [1, 2, 3].map((offset) => ({ position: at(offset), payload: `change ${offset}` }));
const publication = (offset: number, payload = `change ${offset}`) => ({ offset, payload });
const pushed = (offset: number, payload?: string): ReaderEvent => ({
  kind: "pushed",
  publication: publication(offset, payload),
});
const subscribed = (offset: number, of = epoch): ReaderEvent => ({
  kind: "subscribed",
  position: at(offset, of),
  publications: [],
});
const recovered = (from: number, to: number, ...offsets: number[]): ReaderEvent => ({
  kind: "subscribed",
  position: at(to),
  recoveredFrom: at(from),
  publications: offsets.map((offset) => publication(offset)),
});
const loaded = (...offsets: number[]): ReaderEvent => ({
  kind: "loaded",
  payloads: offsets.map((offset) => `change ${offset}`),
});
const disconnected: ReaderEvent = { kind: "disconnected" };

describe("a history without faults", () => {
  it.each<[string, ReaderEvent[]]>([
    ["everything heard", [subscribed(0), loaded(), pushed(1), pushed(2), pushed(3)]],
    ["loaded, with an overlap that the reader leaves out", [subscribed(1), loaded(1, 2), pushed(2), pushed(3)]],
    ["recovered", [subscribed(0), loaded(), pushed(1), disconnected, recovered(1, 3, 2, 3)]],
    [
      "told of a loss and loaded",
      [subscribed(0), loaded(), { kind: "told of a loss", position: at(2) }, loaded(1, 2), pushed(3)],
    ],
    [
      "ended, and begun anew in another epoch",
      [subscribed(7, "d"), loaded(), { kind: "told of a loss" }, subscribed(2), loaded(1, 2), pushed(3)],
    ],
  ])("is one of %s", (_, events) => {
    expect(faultsOfHistory(published, events)).toEqual([]);
  });
});

describe("a fault is found", () => {
  it.each<[string, ReaderEvent[], string]>([
    ["a hole", [subscribed(0), loaded(), pushed(1), pushed(3)], "lost 2 to 2 without a word"],
    [
      "a hole that a later state hides",
      [subscribed(0), loaded(), pushed(1), pushed(3), loaded(1, 2, 3)],
      "lost 2 to 2",
    ],
    ["a repeat", [subscribed(0), loaded(), pushed(1), pushed(1), pushed(2), pushed(3)], "got 1 after 1"],
    ["another order", [subscribed(0), loaded(), pushed(2), pushed(1), pushed(3)], "got 1 after 2"],
    ["another content", [subscribed(0), loaded(), pushed(1), pushed(2, "x"), pushed(3)], 'got "x" as e:2'],
    ["the same content at two places", [subscribed(0), loaded(), pushed(1), pushed(2, "change 1"), pushed(3)], "twice"],
    ["a missing end", [subscribed(0), loaded(), pushed(1), pushed(2)], "ends at e:2, the channel at e:3"],
    ["an end in another epoch", [subscribed(3, "d"), loaded(1, 2, 3)], "ends at d:3, the channel at e:3"],
    ["a part for the whole", [subscribed(0), loaded(), disconnected, recovered(0, 3, 2, 3)], "lost 1 to 1"],
    [
      "a recovery that stops early",
      [subscribed(0), loaded(), disconnected, recovered(0, 3, 1, 2)],
      "goes on behind e:3",
    ],
    [
      "a recovery from elsewhere",
      [subscribed(0), loaded(), pushed(1), disconnected, recovered(2, 3, 3)],
      "had come to e:1",
    ],
    ["a state from before the subscription", [loaded(1), subscribed(2), pushed(3)], "never learned of change 2"],
    ["no state at all", [subscribed(3)], "did not load the state"],
    [
      "a loss without loading",
      [subscribed(0), loaded(), { kind: "told of a loss", position: at(3) }],
      "did not load the state",
    ],
    ["a push after the end", [subscribed(0), loaded(), disconnected, pushed(1)], "outside of a subscription"],
    ["nobody there", [subscribed(0), loaded(1, 2, 3), disconnected], "not subscribed at the end"],
  ])("in %s", (_, events, fault) => {
    expect(faultsOfHistory(published, events).join("; ")).toContain(fault);
  });
});
