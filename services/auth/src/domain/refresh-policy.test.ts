import { describe, expect, test } from "vitest";
import {
  accessTokenExpiry,
  decideRefresh,
  defaultSessionLimits as limits,
  type RefreshState,
  refreshTokenExpiry,
} from "./refresh-policy.ts";

const fresh: RefreshState = {
  sessionId: "session",
  userId: "user",
  usedAtMs: undefined,
  tokenExpiresAtMs: limits.refreshTokenMs,
  sessionExpiresAtMs: limits.sessionMs,
  sessionEndedAtMs: undefined,
};

describe("decideRefresh", () => {
  test.each([
    ["an unused token is rotated", {}, 0, "rotate"],
    ["an unused token is rotated in its last millisecond", {}, limits.refreshTokenMs - 1, "rotate"],
    ["a token used just now gets a sibling", { usedAtMs: 1000 }, 1000, "sibling"],
    ["a token used ten seconds ago still gets a sibling", { usedAtMs: 1000 }, 11_000, "sibling"],
    ["a use noted by a clock that is ahead counts as just now", { usedAtMs: 5000 }, 1000, "sibling"],
    ["a token used longer ago ends the session", { usedAtMs: 1000 }, 11_001, "reuse_detected"],
    ["reuse is noticed even after the token has expired", { usedAtMs: 1000 }, limits.refreshTokenMs, "reuse_detected"],
    ["an expired token ends the session", {}, limits.refreshTokenMs, "refresh_too_late"],
    ["the absolute end beats an unexpired token", { sessionExpiresAtMs: 500 }, 500, "session_expired"],
    ["the absolute end beats the grace", { usedAtMs: 499, sessionExpiresAtMs: 500 }, 500, "session_expired"],
    ["a logout beats the grace", { usedAtMs: 1000, sessionEndedAtMs: 1001 }, 1002, "session_ended"],
    ["an ended session refuses an unused token", { sessionEndedAtMs: 1 }, 2, "session_ended"],
  ] as const)("%s", (_sentence, changes, nowMs, expected) => {
    const decision = decideRefresh({ ...fresh, ...changes }, nowMs, limits);
    expect("reason" in decision ? decision.reason : decision.action).toBe(expected);
  });
});

describe("token lives", () => {
  test("a refresh token slides by seven days until the session's end cuts it", () => {
    expect(refreshTokenExpiry(0, limits.sessionMs, limits)).toBe(7 * 24 * 3_600_000);
    const lateMs = limits.sessionMs - 1000;
    expect(refreshTokenExpiry(lateMs, limits.sessionMs, limits)).toBe(limits.sessionMs);
  });

  test("an access token lives fifteen minutes and never longer than its session", () => {
    expect(accessTokenExpiry(0, limits.sessionMs, limits)).toBe(900_000);
    expect(accessTokenExpiry(limits.sessionMs - 1000, limits.sessionMs, limits)).toBe(limits.sessionMs);
  });
});
