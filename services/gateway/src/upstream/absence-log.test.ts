import { FakeClock, silentLogger } from "@weft/mesh/testing";
import { expect, it } from "vitest";
import { AbsenceLog } from "./absence-log.ts";

it("says why a peer is away once per second, and counts what it leaves out", async () => {
  const clock = new FakeClock();
  const lines: unknown[] = [];
  const logger = Object.assign(Object.create(silentLogger), { warn: (fields: unknown) => void lines.push(fields) });
  const absences = new AbsenceLog(clock, logger);
  const lost = new Error("lost");
  absences.note("auth-service", lost);
  absences.note("auth-service", lost);
  absences.note("user-service", "no instance is known");
  absences.note("auth-service", lost);
  await clock.advance(1000);
  absences.note("auth-service", lost);
  expect(lines).toEqual([
    { peer: "auth-service", reason: "lost", unlogged: 0 },
    { peer: "user-service", reason: "no instance is known", unlogged: 0 },
    { peer: "auth-service", reason: "lost", unlogged: 2 },
  ]);
});
