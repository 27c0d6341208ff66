import { describe, expect, test } from "vitest";
import { type KeyAge, planKeys } from "./signing-keys.ts";

const life = { rotateAfterMs: 100_000, announceMs: 1_000, accessTokenMs: 5_000, reloadLagMs: 500 };
const key = (kid: string, createdAtMs: number): KeyAge => ({ kid, createdAtMs });
const kids = (keys: readonly KeyAge[]) => keys.map((one) => one.kid);

describe("planKeys", () => {
  test("without keys one is due and none signs", () => {
    expect(planKeys([], 0, life)).toEqual({ signing: undefined, verifying: [], expired: [], rotationDue: true });
  });

  test("the very first key signs at once", () => {
    const plan = planKeys([key("first", 0)], 0, life);
    expect(plan.signing?.kid).toBe("first");
    expect(plan.rotationDue).toBe(false);
  });

  test("a new key verifies at once and signs when its announcement is over", () => {
    const keys = [key("old", 0), key("new", 100_000)];
    const announced = planKeys(keys, 100_999, life);
    expect(announced.signing?.kid).toBe("old");
    expect(kids(announced.verifying)).toEqual(["new", "old"]);
    expect(planKeys(keys, 101_000, life).signing?.kid).toBe("new");
  });

  test("a superseded key verifies until the last token it can have signed has expired", () => {
    const keys = [key("old", 0), key("new", 100_000)];
    const lastMs = 100_000 + life.announceMs + life.accessTokenMs + life.reloadLagMs;
    expect(kids(planKeys(keys, lastMs - 1, life).verifying)).toEqual(["new", "old"]);
    const after = planKeys(keys, lastMs, life);
    expect(kids(after.verifying)).toEqual(["new"]);
    expect(kids(after.expired)).toEqual(["old"]);
  });

  test("a rotation is due when the newest key reaches its age", () => {
    expect(planKeys([key("first", 0)], 99_999, life).rotationDue).toBe(false);
    expect(planKeys([key("first", 0)], 100_000, life).rotationDue).toBe(true);
  });

  test("two keys of the same age are told apart the same way by everybody", () => {
    const a = planKeys([key("a", 0), key("b", 0)], 50_000, life);
    const b = planKeys([key("b", 0), key("a", 0)], 50_000, life);
    expect(a).toEqual(b);
  });
});
