import { FakeClock } from "@weft/mesh/testing";
import { beforeEach, expect, it } from "vitest";
import { RegularChecks } from "./regular-checks.ts";

let clock: FakeClock;
let checks: RegularChecks;
let checked: string[];

beforeEach(() => {
  clock = new FakeClock();
  checks = new RegularChecks(clock, 100);
  checked = [];
});

const member = (name: string) => ({ check: () => void checked.push(name) });

it("checks each an interval after it was planned, with one timer for all", async () => {
  const plannedAt = clock.pendingTimers;
  checks.plan(member("first"));
  await clock.advance(40);
  checks.plan(member("second"));
  expect(clock.pendingTimers).toBe(plannedAt + 1);
  await clock.advance(59);
  expect(checked).toEqual([]);
  await clock.advance(1);
  expect(checked).toEqual(["first"]);
  await clock.advance(40);
  expect(checked).toEqual(["first", "second"]);
  expect(clock.pendingTimers).toBe(plannedAt);
});

it("checks nobody who has been cancelled, and once, at the later time, who was planned again", async () => {
  const gone = member("gone");
  const again = member("again");
  checks.plan(gone);
  checks.plan(again);
  await clock.advance(50);
  checks.plan(member("between"));
  await clock.advance(10);
  checks.cancel(gone);
  checks.plan(again);
  await clock.advance(89);
  expect(checked).toEqual([]);
  await clock.advance(1);
  expect(checked).toEqual(["between"]);
  await clock.advance(500);
  expect(checked).toEqual(["between", "again"]);
});

it("goes on with who plans its next check within one", async () => {
  const steady = { check: () => checked.push("steady") && checks.plan(steady) };
  checks.plan(steady);
  await clock.advance(350);
  expect(checked).toEqual(["steady", "steady", "steady"]);
});
