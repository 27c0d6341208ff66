/**
 * What a refresh token may still do, as a pure function of its row and the time.
 *
 * A token is used once, and what it was exchanged for is one chain. Within a short grace after its use it is answered
 * with the end of that chain again (a retry, tabs that refresh together): the same successor and not a sibling of it,
 * since a thief with a chain of his own would never meet the owner's, while two who share one chain are noticed as soon as
 * their uses lie further apart than the grace.
 *
 * Later, a used token whose successor nobody has ever presented is a lost answer (a phone that slept while the server
 * rotated), not a theft. It gets a new successor and the old one is voided: if somebody did hold that one, its use is
 * the proof. Answering with the old successor here would let two parties take turns for ever. It is allowed a few times
 * per token. Any other use of a used token proves that two parties hold the session, and nobody can tell which one is
 * honest: the session ends.
 *
 * A session that has ended beats the grace, so a logout is final. Tokens slide by their own life (the idle limit), yet
 * never past the absolute end of the session.
 */

/** A refresh token with the session it belongs to. */
export interface RefreshState {
  readonly sessionId: string;
  readonly userId: string;
  readonly usedAtMs: number | undefined;
  /** What the token was exchanged for; undefined for an unused token, and for one that was voided. */
  readonly successor: { readonly salt: Uint8Array; readonly used: boolean } | undefined;
  /** How often its successor was replaced because an answer was lost. */
  readonly lostAnswers: number;
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
  /** How often one token may claim that the answer to it was lost. */
  readonly lostAnswersMax: number;
  /** Sessions of one user at the same time; one more ends the one that was used longest ago (ASVS 7.1.2). */
  readonly sessionsMax: number;
}

/** AUTH-03 and AUTH-04 name the first two; a login lasts 30 days; 10 s covers a retry and tabs that wake together. */
export const defaultSessionLimits: SessionLimits = {
  accessTokenMs: 15 * 60_000,
  refreshTokenMs: 7 * 24 * 3_600_000,
  sessionMs: 30 * 24 * 3_600_000,
  refreshGraceMs: 10_000,
  lostAnswersMax: 3,
  sessionsMax: 100,
};

/**
 * `replay`: the successor is answered again. `reissue`: it is voided and replaced by a new one. `end`: the session must
 * end now, for the reason. `refuse`: it has ended already.
 */
export type RefreshDecision =
  | { readonly action: "rotate" }
  | { readonly action: "replay"; readonly salt: Uint8Array }
  | { readonly action: "reissue"; readonly salt: Uint8Array }
  | { readonly action: "end"; readonly reason: "reuse_detected" | "refresh_too_late" | "session_expired" }
  | { readonly action: "refuse"; readonly reason: "session_ended" };

export function decideRefresh(state: RefreshState, nowMs: number, limits: SessionLimits): RefreshDecision {
  const { usedAtMs, successor } = state;
  if (state.sessionEndedAtMs !== undefined) {
    return { action: "refuse", reason: "session_ended" };
  }
  if (nowMs >= state.sessionExpiresAtMs) {
    return { action: "end", reason: "session_expired" };
  }
  if (usedAtMs === undefined) {
    return nowMs >= state.tokenExpiresAtMs ? { action: "end", reason: "refresh_too_late" } : { action: "rotate" };
  }
  if (successor === undefined) {
    return { action: "end", reason: "reuse_detected" };
  }
  if (nowMs - usedAtMs <= limits.refreshGraceMs) {
    return { action: "replay", salt: successor.salt };
  }
  const answerLost = !successor.used && nowMs < state.tokenExpiresAtMs && state.lostAnswers < limits.lostAnswersMax;
  return answerLost ? { action: "reissue", salt: successor.salt } : { action: "end", reason: "reuse_detected" };
}

/** When a refresh token issued now expires: its own life, cut at the end of its session. */
export function refreshTokenExpiry(nowMs: number, sessionExpiresAtMs: number, limits: SessionLimits): number {
  return Math.min(nowMs + limits.refreshTokenMs, sessionExpiresAtMs);
}

/** When an access token issued now expires: no token outlives its session. */
export function accessTokenExpiry(nowMs: number, sessionExpiresAtMs: number, limits: SessionLimits): number {
  return Math.min(nowMs + limits.accessTokenMs, sessionExpiresAtMs);
}
