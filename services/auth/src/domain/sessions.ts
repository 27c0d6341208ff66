/**
 * Sessions: one login, its refresh tokens and the access tokens made from them.
 *
 * A refresh asks for the user first and consumes the token last, so a user service that is away costs the client
 * nothing. The claim itself is one statement of the store; the loser of a race reads the row again and follows the chain
 * of successors to its end, which it is answered with, too. Ending a session writes the store (the truth) and then announces it; an announcement that fails is
 * repeated by the publisher, and whoever has not heard asks `ValidateToken`.
 */
import { AuthError } from "./errors.ts";
import type { GlobalRole } from "./permissions.ts";
import type {
  ClientFacts,
  DirectoryUser,
  IdSource,
  NewSession,
  OpenSession,
  RefreshTokens,
  RevocationAnnouncer,
  SessionStore,
  TokenIssuer,
  UserDirectory,
  WallClock,
} from "./ports.ts";
import {
  accessTokenExpiry,
  decideRefresh,
  type RefreshDecision,
  type RefreshState,
  refreshTokenExpiry,
  type SessionLimits,
} from "./refresh-policy.ts";
import type { SecurityLog } from "./security-events.ts";

/** Who asks about their own sessions, and by which of them. */
export interface SessionCaller {
  readonly userId: string;
  readonly sessionId: string;
}

/** What a login rests on. */
export interface LoginProof {
  readonly deviceHash: Uint8Array;
  /** The hash that the password was right for; undefined without a password. */
  readonly passwordHash: string | undefined;
  /** Whether it took more than one factor. */
  readonly secondFactor: boolean;
}

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

type UsableDecision = Extract<RefreshDecision, { action: "rotate" | "replay" | "reissue" }>;

/** More than the rotations that fit into a grace; a chain that is still longer then is nobody's in particular. */
const roundsMax = 20;

export class Sessions {
  readonly #options: SessionsOptions;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** A new session with its first refresh token; nothing is stored yet. */
  prepare(userId: string, client: ClientFacts, deviceHash: Uint8Array): { session: NewSession; refreshToken: string } {
    const { clock, ids, limits, refreshTokens } = this.#options;
    const openedAtMs = clock.now();
    const expiresAtMs = openedAtMs + limits.sessionMs;
    const { token, hash } = refreshTokens.mint();
    const tokenExpiresAtMs = refreshTokenExpiry(openedAtMs, expiresAtMs, limits);
    return {
      session: {
        sessionId: ids.id(),
        userId,
        client,
        deviceHash,
        provenBy: undefined,
        secondFactorAtMs: undefined,
        openedAtMs,
        expiresAtMs,
        tokenHash: hash,
        tokenExpiresAtMs,
      },
      refreshToken: token,
    };
  }

  /**
   * Opens a session for a user who has proved to be it; undefined when their account was closed or got another password
   * meanwhile.
   */
  async open(user: DirectoryUser, client: ClientFacts, proof: LoginProof): Promise<LoggedIn | undefined> {
    const { store, revocations, clock, limits } = this.#options;
    const { session, refreshToken } = this.prepare(user.userId, client, proof.deviceHash);
    const secondFactorAtMs = proof.secondFactor ? session.openedAtMs : undefined;
    if (!(await store.open({ ...session, provenBy: proof.passwordHash, secondFactorAtMs }))) {
      return undefined;
    }
    await revocations.announce(await store.endOldest(user.userId, limits.sessionsMax, clock.now()));
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
    const accessToken = await issuer.issue({
      userId,
      username,
      sessionId,
      roles,
      scopes: undefined,
      issuedAtMs,
      expiresAtMs,
    });
    return { user, accessToken, refreshToken, expiresInSeconds: Math.floor((expiresAtMs - issuedAtMs) / 1000) };
  }

  /**
   * Exchanges a refresh token for new tokens. Throws "refresh_refused" for a token that is unknown, late, reused or of
   * an ended session, and "unavailable" when the user service cannot be asked (the token stays usable).
   */
  async refresh(refreshToken: string, client: ClientFacts): Promise<LoggedIn> {
    const { store, refreshTokens, directory } = this.#options;
    const state = known(await store.findByToken(refreshTokens.hash(refreshToken)));
    await this.#usable(state);
    const user = await directory.findById(state.userId);
    if (user === undefined) {
      await this.#end(state.sessionId, "user_removed");
      throw refused("user_removed");
    }
    const successor = await this.#successorOf(refreshToken, state, client);
    return this.hand(user, state.sessionId, state.sessionExpiresAtMs, successor);
  }

  /** Ends the session of a refresh token. An unknown token or an ended session is no error. */
  async logout(refreshToken: string): Promise<void> {
    const { store, refreshTokens } = this.#options;
    const state = await store.findByToken(refreshTokens.hash(refreshToken));
    if (state !== undefined) {
      const { sessionId, userId, sessionEndedAtMs } = state;
      await this.#end(sessionId, "logout");
      if (sessionEndedAtMs === undefined) {
        await this.#options.log.record("logged_out", { userId, sessionId });
      }
    }
  }

  /** The user's sessions that have not ended, the one used last first. */
  listOpen(userId: string): Promise<readonly OpenSession[]> {
    return this.#options.store.listOpen(userId, this.#options.clock.now());
  }

  /**
   * Ends one of the caller's sessions; its device has to prove itself again. An ended one is no error. Throws
   * "session_unknown" for a session that is not theirs, in the words for one that never was.
   */
  async endOwn({ userId }: SessionCaller, sessionId: string): Promise<void> {
    const { store, revocations, clock, log } = this.#options;
    if ((await store.findOwn(sessionId, userId)) === undefined) {
      throw new AuthError("session_unknown", "there is no such session of yours");
    }
    const ended = await store.endAndForgetDevice({ sessionId, userId, reason: "ended_by_user", atMs: clock.now() });
    await revocations.announce([sessionId]);
    if (ended) {
      await log.record("session_ended", { userId, sessionId });
    }
  }

  /** Ends every session of the caller but their own; returns how many. Other devices have to prove themselves again. */
  async endOthers({ userId, sessionId }: SessionCaller): Promise<number> {
    const { store, revocations, clock, log } = this.#options;
    const ended = await store.endOthers({ sessionId, userId, reason: "ended_by_user", atMs: clock.now() });
    await revocations.announce(ended);
    await log.record("other_sessions_ended", { userId, sessionId, count: ended.length });
    return ended.length;
  }

  /** Whether the session's access tokens are good; throws when the store cannot be asked. */
  isLive(sessionId: string): Promise<boolean> {
    return this.#options.store.isLive(sessionId, this.#options.clock.now());
  }

  /**
   * The token to answer a presented one with: its new successor, or the end of the chain that began with it. Rows may
   * change between reading and writing; each round either succeeds or learns why not.
   */
  async #successorOf(presented: string, read: RefreshState, client: ClientFacts): Promise<string> {
    const { store, refreshTokens } = this.#options;
    let token = presented;
    let state = read;
    for (let round = 0; round < roundsMax; round += 1) {
      const decision = await this.#usable(state);
      if (decision.action === "replay") {
        token = refreshTokens.successorOf(token, decision.salt).token;
      } else if (decision.action === "rotate" && token !== presented) {
        return token;
      } else {
        const { token: next, hash, salt } = this.#deriveSuccessor(token);
        const row = { tokenHash: hash, salt, ...this.#lifeIn(state) };
        const tokenHash = refreshTokens.hash(token);
        const stored =
          decision.action === "rotate"
            ? await store.rotate(tokenHash, row, client)
            : await store.reissue(tokenHash, decision.salt, row);
        if (stored) {
          return next;
        }
      }
      state = known(await store.findByToken(refreshTokens.hash(token)));
    }
    throw new AuthError("unavailable", "the session is being changed by others; try again");
  }

  async #usable(state: RefreshState): Promise<UsableDecision> {
    const decision = decideRefresh(state, this.#options.clock.now(), this.#options.limits);
    if (decision.action === "refuse") {
      throw refused(decision.reason);
    }
    if (decision.action === "end") {
      await this.#end(state.sessionId, decision.reason);
      if (decision.reason === "reuse_detected") {
        await this.#options.log.record("refresh_token_reused", { sessionId: state.sessionId, userId: state.userId });
      }
      throw refused(decision.reason);
    }
    return decision;
  }

  async #end(sessionId: string, reason: string): Promise<void> {
    const { store, revocations, clock } = this.#options;
    await store.end(sessionId, reason, clock.now());
    // Announced even when it had ended before: a repeated logout heals an announcement that was lost.
    await revocations.announce([sessionId]);
  }

  #deriveSuccessor(token: string): { token: string; hash: Uint8Array; salt: Uint8Array } {
    const { refreshTokens } = this.#options;
    const salt = refreshTokens.salt();
    return { ...refreshTokens.successorOf(token, salt), salt };
  }

  #lifeIn(state: RefreshState): { issuedAtMs: number; expiresAtMs: number } {
    const { clock, limits } = this.#options;
    const issuedAtMs = clock.now();
    return { issuedAtMs, expiresAtMs: refreshTokenExpiry(issuedAtMs, state.sessionExpiresAtMs, limits) };
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
