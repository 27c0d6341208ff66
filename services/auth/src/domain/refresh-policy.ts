/**
 * What a refresh token may still do, as a pure function of its row and the time.
 *
 * A token is used once. Within a short grace after its use it is answered with a sibling in the same session, since an
 * honest client presents it again when an answer was lost or two tabs refresh together; the grace is too short to be of
 * use to a thief who finds the token later. Outside the grace a used token is proof that two parties hold the session,
 * and nobody can tell which one is honest: the session ends. A session that has ended beats the grace, so a logout is
 * final. Tokens slide by their own life, yet never past the absolute end of the session.
 */

/** A refresh token with the session it belongs to. */
export interface RefreshState {
  readonly sessionId: string;
  readonly userId: string;
  readonly usedAtMs: number | undefined;
  readonly tokenExpiresAtMs: number;
  readonly sessionExpiresAtMs: number;
  readonly sessionEndedAtMs: number | undefined;
}

/** Lives of tokens and sessions, in milliseconds. */
export interface SessionLimits {
  readonly accessTokenMs: number;
  readonly refreshTokenMs: number;
  readonly sessionMs: number;
  readonly refreshGraceMs: number;
}

/** AUTH-03 and AUTH-04 name the first two; a login lasts 30 days; 10 s covers a retry after a lost answer. */
export const defaultSessionLimits: SessionLimits = {
  accessTokenMs: 15 * 60_000,
  refreshTokenMs: 7 * 24 * 3_600_000,
  sessionMs: 30 * 24 * 3_600_000,
  refreshGraceMs: 10_000,
};

/** `end`: the session must end now, for the reason. `refuse`: it has ended already. */
export type RefreshDecision =
  | { readonly action: "rotate" }
  | { readonly action: "sibling" }
  | { readonly action: "end"; readonly reason: "reuse_detected" | "refresh_too_late" | "session_expired" }
  | { readonly action: "refuse"; readonly reason: "session_ended" };

export function decideRefresh(state: RefreshState, nowMs: number, limits: SessionLimits): RefreshDecision {
  if (state.sessionEndedAtMs !== undefined) {
    return { action: "refuse", reason: "session_ended" };
  }
  if (nowMs >= state.sessionExpiresAtMs) {
    return { action: "end", reason: "session_expired" };
  }
  if (state.usedAtMs !== undefined) {
    return nowMs - state.usedAtMs <= limits.refreshGraceMs
      ? { action: "sibling" }
      : { action: "end", reason: "reuse_detected" };
  }
  return nowMs >= state.tokenExpiresAtMs ? { action: "end", reason: "refresh_too_late" } : { action: "rotate" };
}

/** When a refresh token issued now expires: its own life, cut at the end of its session. */
export function refreshTokenExpiry(nowMs: number, sessionExpiresAtMs: number, limits: SessionLimits): number {
  return Math.min(nowMs + limits.refreshTokenMs, sessionExpiresAtMs);
}

/** When an access token issued now expires: no token outlives its session. */
export function accessTokenExpiry(nowMs: number, sessionExpiresAtMs: number, limits: SessionLimits): number {
  return Math.min(nowMs + limits.accessTokenMs, sessionExpiresAtMs);
}
