/**
 * Sessions: one login, its refresh tokens and the access tokens made from them.
 *
 * A refresh asks for the user first and consumes the token last, so a user service that is away costs the client
 * nothing. The claim itself is one statement of the store; the loser of a race reads the row again and, inside the grace,
 * gets a sibling. Ending a session writes the store (the truth) and then announces it; an announcement that fails is
 * repeated by the publisher, and whoever has not heard asks `ValidateToken`.
 */
import { AuthError } from "./errors.ts";
import type { GlobalRole } from "./permissions.ts";
import type {
  DirectoryUser,
  IdSource,
  NewSession,
  RefreshTokens,
  RevocationAnnouncer,
  SecurityLog,
  SessionStore,
  Successor,
  TokenIssuer,
  UserDirectory,
  WallClock,
} from "./ports.ts";
import {
  accessTokenExpiry,
  decideRefresh,
  type RefreshState,
  refreshTokenExpiry,
  type SessionLimits,
} from "./refresh-policy.ts";

/** What a client gets from signup, login and refresh. */
export interface LoggedIn {
  readonly user: DirectoryUser;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresInSeconds: number;
}

export interface SessionsOptions {
  readonly store: SessionStore;
  readonly directory: Pick<UserDirectory, "findById">;
  readonly refreshTokens: RefreshTokens;
  readonly issuer: TokenIssuer;
  readonly revocations: RevocationAnnouncer;
  readonly globalRoles: (userId: string) => readonly GlobalRole[];
  readonly clock: WallClock;
  readonly ids: IdSource;
  readonly limits: SessionLimits;
  readonly log: SecurityLog;
}

export class Sessions {
  readonly #options: SessionsOptions;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** A new session with its first refresh token; nothing is stored yet. */
  prepare(userId: string): { session: NewSession; refreshToken: string } {
    const { clock, ids, limits, refreshTokens } = this.#options;
    const openedAtMs = clock.now();
    const expiresAtMs = openedAtMs + limits.sessionMs;
    const { token, hash } = refreshTokens.mint();
    const tokenExpiresAtMs = refreshTokenExpiry(openedAtMs, expiresAtMs, limits);
    return {
      session: { sessionId: ids.id(), userId, openedAtMs, expiresAtMs, tokenHash: hash, tokenExpiresAtMs },
      refreshToken: token,
    };
  }

  /** Opens a session for a user who has proved who they are; undefined when their account was closed meanwhile. */
  async open(user: DirectoryUser): Promise<LoggedIn | undefined> {
    const { session, refreshToken } = this.prepare(user.userId);
    if (!(await this.#options.store.open(session))) {
      return undefined;
    }
    return this.hand(user, session.sessionId, session.expiresAtMs, refreshToken);
  }

  /** The answer for a stored session: an access token beside the refresh token. */
  async hand(
    user: DirectoryUser,
    sessionId: string,
    sessionExpiresAtMs: number,
    refreshToken: string,
  ): Promise<LoggedIn> {
    const { clock, limits, issuer, globalRoles } = this.#options;
    const issuedAtMs = clock.now();
    const expiresAtMs = accessTokenExpiry(issuedAtMs, sessionExpiresAtMs, limits);
    const { userId, username } = user;
    const roles = globalRoles(userId);
    const accessToken = await issuer.issue({ userId, username, sessionId, roles, issuedAtMs, expiresAtMs });
    return { user, accessToken, refreshToken, expiresInSeconds: Math.floor((expiresAtMs - issuedAtMs) / 1000) };
  }

  /**
   * Exchanges a refresh token for new tokens. Throws "refresh_refused" for a token that is unknown, late, reused or of
   * an ended session, and "unavailable" when the user service cannot be asked (the token stays usable).
   */
  async refresh(refreshToken: string): Promise<LoggedIn> {
    const { store, refreshTokens, directory } = this.#options;
    const tokenHash = refreshTokens.hash(refreshToken);
    let state = known(await store.findByToken(tokenHash));
    await this.#usableAs(state);
    const user = await directory.findById(state.userId);
    if (user === undefined) {
      await this.#end(state.sessionId, "user_removed");
      throw refused("user_removed");
    }
    const successor = this.#successorIn(state);
    // The row may change between reading and claiming it; each round either claims it or learns why not.
    for (let round = 0; round < 3; round += 1) {
      const action = await this.#usableAs(state);
      const stored =
        action === "rotate"
          ? await store.rotate(tokenHash, successor.row)
          : await store.addSibling(state.sessionId, successor.row);
      if (stored) {
        return this.hand(user, state.sessionId, state.sessionExpiresAtMs, successor.token);
      }
      state = known(await store.findByToken(tokenHash));
    }
    throw new AuthError("unavailable", "the session is being changed by others; try again");
  }

  /** Ends the session of a refresh token. An unknown token or an ended session is no error. */
  async logout(refreshToken: string): Promise<void> {
    const { store, refreshTokens } = this.#options;
    const state = await store.findByToken(refreshTokens.hash(refreshToken));
    if (state !== undefined) {
      await this.#end(state.sessionId, "logout");
    }
  }

  /** Whether the session's access tokens are good; throws when the store cannot be asked. */
  isLive(sessionId: string): Promise<boolean> {
    return this.#options.store.isLive(sessionId, this.#options.clock.now());
  }

  async #usableAs(state: RefreshState): Promise<"rotate" | "sibling"> {
    const decision = decideRefresh(state, this.#options.clock.now(), this.#options.limits);
    if (decision.action === "refuse") {
      throw refused(decision.reason);
    }
    if (decision.action === "end") {
      await this.#end(state.sessionId, decision.reason);
      if (decision.reason === "reuse_detected") {
        this.#options.log.record("refresh_token_reused", { sessionId: state.sessionId, userId: state.userId });
      }
      throw refused(decision.reason);
    }
    return decision.action;
  }

  async #end(sessionId: string, reason: string): Promise<void> {
    const { store, revocations, clock } = this.#options;
    await store.end(sessionId, reason, clock.now());
    // Announced even when it had ended before: a repeated logout heals an announcement that was lost.
    await revocations.announce([sessionId]);
  }

  #successorIn(state: RefreshState): { token: string; row: Successor } {
    const { clock, limits, refreshTokens } = this.#options;
    const issuedAtMs = clock.now();
    const { token, hash } = refreshTokens.mint();
    const expiresAtMs = refreshTokenExpiry(issuedAtMs, state.sessionExpiresAtMs, limits);
    return { token, row: { tokenHash: hash, issuedAtMs, expiresAtMs } };
  }
}

function known(state: RefreshState | undefined): RefreshState {
  if (state === undefined) {
    throw refused("token_unknown");
  }
  return state;
}

function refused(detail: string): AuthError {
  return new AuthError("refresh_refused", "the refresh token is not valid; log in again", { detail });
}
