import { describe, expect, test } from "vitest";
import { describeMachine } from "../machine.ts";
import { Samples } from "../rounds.ts";
import { picturesFrom, renderJson } from "./results.ts";
import { rowFrom } from "./rows.ts";

describe("renderJson", () => {
  test("is one object with the machine and rows of exactly the agreed fields", () => {
    const samples = new Samples();
    samples.add("s", "weft", 0, 4);
    samples.add("s", "peer", 0, 2);
    const shared = { series: "s", unit: "calls/s", better: "more", ours: "weft", atLeast: null } as const;
    const rows = [
      rowFrom({ ...shared, id: "a", what: "with a peer", peer: "peer" }, samples),
      rowFrom({ ...shared, id: "b", what: "alone" }, samples),
    ];
    const machine = describeMachine(new Date(0));
    const text = renderJson({ machine, rows });
    expect(text).not.toContain("\n");
    expect(JSON.parse(text)).toEqual({
      machine,
      rows: [
        {
          ...{ id: "a", what: "with a peer", ours: 4, peer: 2, peerName: "peer" },
          ...{ unit: "calls/s", ratio: 2, atLeast: null, ok: true },
        },
        {
          ...{ id: "b", what: "alone", ours: 4, peer: null, peerName: null },
          ...{ unit: "calls/s", ratio: null, atLeast: null, ok: true },
        },
      ],
    });
  });
});

describe("picturesFrom", () => {
  test("makes a bar of everybody who was measured, by label", () => {
    const samples = new Samples();
    samples.add("s", "weft", 0, 1);
    samples.add("s", "weft", 1, 3);
    samples.add("s", "grpc-js", 0, 5);
    const chart = { series: "s", title: "Calls", unit: "calls/s", better: "more" } as const;
    expect(picturesFrom([chart], samples, (who) => who.toUpperCase())).toEqual([
      {
        ...{ title: "Calls", unit: "calls/s", better: "more" },
        bars: [
          { label: "WEFT", ours: true, median: 2, min: 1, max: 3 },
          { label: "GRPC-JS", ours: false, median: 5, min: 5, max: 5 },
        ],
      },
    ]);
  });
});
