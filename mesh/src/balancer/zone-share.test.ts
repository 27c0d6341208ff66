import { describe, expect, test } from "vitest";
import { shareByHealth, shareByLoad, zoneDefaults } from "./zone-share.ts";

describe("the share that stays in the zone", () => {
  test.each([
    { available: 4, known: 4, share: 1 },
    { available: 3, known: 4, share: 1 },
    { available: 2, known: 4, share: 0.7 },
    { available: 1, known: 4, share: 0.35 },
    { available: 0, known: 4, share: 0 },
    { available: 0, known: 0, share: 0 },
  ])("is $share while $available of $known can be called", ({ available, known, share }) => {
    expect(shareByHealth(available, known, zoneDefaults)).toBeCloseTo(share, 9);
  });

  test.each([
    { inFlight: 0, local: 4, all: 8, share: 1 },
    { inFlight: 400, local: 4, all: 8, share: 1 },
    { inFlight: 600, local: 4, all: 8, share: 2 / 3 },
    { inFlight: 800, local: 4, all: 8, share: 1 / 2 },
    { inFlight: 8000, local: 4, all: 8, share: 1 / 2 },
    { inFlight: 8000, local: 2, all: 8, share: 1 / 4 },
    { inFlight: 8000, local: 8, all: 8, share: 1 },
  ])("is $share with $inFlight calls in flight to $local of $all", ({ inFlight, local, all, share }) => {
    expect(shareByLoad(inFlight, local, all, zoneDefaults)).toBeCloseTo(share, 9);
  });
});
