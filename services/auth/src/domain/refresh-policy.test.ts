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
  successor: undefined,
  lostAnswers: 0,
  tokenExpiresAtMs: limits.refreshTokenMs,
  sessionExpiresAtMs: limits.sessionMs,
  sessionEndedAtMs: undefined,
};

describe("decideRefresh", () => {
  const salt = new Uint8Array([1]);
  const unused = { salt, used: false };
  const used = { salt, used: true };
  const late = 1000 + limits.refreshGraceMs + 1;
  test.each([
    ["an unused token is rotated", {}, 0, "rotate"],
    ["an unused token is rotated in its last millisecond", {}, limits.refreshTokenMs - 1, "rotate"],
    ["a token used just now is answered as before", { usedAtMs: 1000, successor: unused }, 1000, "replay"],
    ["a token used ten seconds ago still is", { usedAtMs: 1000, successor: unused }, 11_000, "replay"],
    ["so is one whose successor was used within the grace", { usedAtMs: 1000, successor: used }, 11_000, "replay"],
    ["a use noted by a clock that is ahead counts as just now", { usedAtMs: 5000, successor: unused }, 1000, "replay"],
    ["later, a successor nobody used is a lost answer", { usedAtMs: 1000, successor: unused }, late, "reissue"],
    ["later, one that was used is theft", { usedAtMs: 1000, successor: used }, late, "reuse_detected"],
    [
      "the last answer that may be lost",
      { usedAtMs: 1000, successor: unused, lostAnswers: limits.lostAnswersMax - 1 },
      late,
      "reissue",
    ],
    [
      "one lost answer too many",
      { usedAtMs: 1000, successor: unused, lostAnswers: limits.lostAnswersMax },
      late,
      "reuse_detected",
    ],
    ["an expired token lost no answer", { usedAtMs: 1000, successor: unused }, limits.refreshTokenMs, "reuse_detected"],
    ["a voided token ends the session, grace or not", { usedAtMs: 1000 }, 1000, "reuse_detected"],
    [
      "reuse is noticed after expiry, too",
      { usedAtMs: 1000, successor: used },
      limits.refreshTokenMs,
      "reuse_detected",
    ],
    ["an expired token ends the session", {}, limits.refreshTokenMs, "refresh_too_late"],
    ["the absolute end beats an unexpired token", { sessionExpiresAtMs: 500 }, 500, "session_expired"],
    [
      "the absolute end beats the grace",
      { usedAtMs: 499, successor: unused, sessionExpiresAtMs: 500 },
      500,
      "session_expired",
    ],
    ["a logout beats the grace", { usedAtMs: 1000, successor: unused, sessionEndedAtMs: 1001 }, 1002, "session_ended"],
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
