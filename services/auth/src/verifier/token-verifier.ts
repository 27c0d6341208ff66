/**
 * Decides whether an access token is good, at any service, without a call in the usual case: the signature and the
 * claims are checked here with the published keys, and the session is looked up in the revocation feed. When the feed is
 * not live, or the keys cannot be had, the auth service is asked (`ValidateToken`) and nothing it answers is relied on for more than five
 * seconds; when it cannot be asked either, the call is refused as UNAVAILABLE. It never fails open.
 *
 * A token that is refused here is refused there: both run `checkAccessToken`. So only tokens that are good by themselves
 * are asked about, and a flood of forged ones reaches nobody.
 */

import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { type Clock, type Logger, type PubSub, RecentMap, type RedisHandles } from "@weft/mesh";
import type { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import type { TokenCheck, TokenRefusal } from "./access-token.ts";
import { CheckedTokens } from "./checked-tokens.ts";
import { JwksCache } from "./jwks-cache.ts";
import type { Principal } from "./principal.ts";
import { RevocationFeed } from "./revocation-feed.ts";
import { readRevocationSnapshot } from "./revocation-protocol.ts";
import { tokenRefused, verificationUnavailable } from "./token-errors.ts";

export interface TokenVerifier {
  /**
   * The principal of a good token. Throws UNAUTHENTICATED with the reason TOKEN_EXPIRED, TOKEN_REVOKED or
   * TOKEN_INVALID, and UNAVAILABLE (AUTH_UNAVAILABLE) when neither can be said.
   */
  verify(token: string): Promise<Principal>;
  /**
   * The same at once, for a token that was verified before and is known to be good still; undefined says nothing of a token.
   * Who has to answer thousands a second saves the promises.
   */
  known(token: string): Principal | undefined;
  /** Calls back when a session is learnt to have ended, to close what it holds open; gives a function that stops it. */
  onRevoked(listener: (sessionId: string) => void): () => void;
  /** Whether revocations arrive; while false, `verify` asks the auth service. */
  readonly live: boolean;
  /** Resolves when the first attempt to follow the revocations is over, whatever its outcome. */
  readonly started: Promise<void>;
  close(): Promise<void>;
}

export interface TokenVerifierOptions {
  readonly client: Client<typeof AuthService>;
  readonly pubsub: PubSub;
  readonly redis: Pick<RedisHandles, "commands">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long an answer of `ValidateToken` is believed; it may be a second old when it is given. */
const askedForMs = 4_000;
const askTimeoutMs = 2_000;
const rememberedTokens = 10_000;

/** Starts to follow revocations at once; `close` ends that. */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  return new LocalTokenVerifier(options);
}

class LocalTokenVerifier implements TokenVerifier {
  readonly started: Promise<void>;
  readonly #options: TokenVerifierOptions;
  readonly #feed: RevocationFeed;
  readonly #checked: CheckedTokens;
  readonly #asked = new RecentMap<string, { answer: Promise<TokenCheck>; untilMs: number }>(rememberedTokens);

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    const { client, pubsub, redis, clock, logger } = options;
    const fetchKeys = async () => (await client.getJwks({}, { timeoutMs: askTimeoutMs })).keys;
    this.#checked = new CheckedTokens(new JwksCache({ fetchKeys, clock }), clock);
    const readSnapshot = () => readRevocationSnapshot(redis, clock.now());
    this.#feed = new RevocationFeed({ pubsub, readSnapshot, clock, logger });
    this.started = this.#feed.start();
  }

  get live(): boolean {
    return this.#feed.live;
  }

  onRevoked(listener: (sessionId: string) => void): () => void {
    return this.#feed.onRevoked(listener);
  }

  known(token: string): Principal | undefined {
    const principal = this.#checked.known(token);
    const good = principal !== undefined && this.#feed.live && !this.#feed.isRevoked(principal.sessionId);
    return good ? principal : undefined;
  }

  async verify(token: string): Promise<Principal> {
    const check = (await this.#checkHere(token)) ?? (await this.#ask(token));
    if (!check.valid) {
      throw tokenRefused(check.reason);
    }
    return check.principal;
  }

  async close(): Promise<void> {
    await this.#feed.close();
  }

  /** The answer as far as it can be given here; undefined when the auth service must be asked. */
  async #checkHere(token: string): Promise<TokenCheck | undefined> {
    let check: TokenCheck;
    try {
      check = await this.#checked.check(token);
    } catch (error) {
      this.#options.logger.debug({ err: error }, "the keys of the auth service cannot be fetched");
      return undefined;
    }
    if (check.valid && this.#feed.isRevoked(check.principal.sessionId)) {
      return { valid: false, reason: "revoked" };
    }
    return check.valid && !this.#feed.live ? undefined : check;
  }

  async #ask(token: string): Promise<TokenCheck> {
    const nowMs = this.#options.clock.monotonicMs();
    let entry = this.#asked.get(token);
    if (entry === undefined || nowMs >= entry.untilMs) {
      entry = { answer: this.#askAuthService(token), untilMs: nowMs + askedForMs };
      this.#asked.set(token, entry);
    }
    try {
      const check = await entry.answer;
      const expired = check.valid && this.#options.clock.now() >= check.principal.expiresAtMs;
      return expired ? { valid: false, reason: "expired" } : check;
    } catch (error) {
      // A failure is no answer: the next call asks again.
      if (this.#asked.get(token) === entry) {
        this.#asked.delete(token);
      }
      throw verificationUnavailable(error);
    }
  }

  async #askAuthService(token: string): Promise<TokenCheck> {
    const { client, clock } = this.#options;
    const { valid, principal, reason } = await client.validateToken({ token }, { timeoutMs: askTimeoutMs });
    if (!valid || principal === undefined) {
      const known = this.#checked.known(token);
      if (reason === "revoked" && known !== undefined) {
        this.#feed.learn({ sessionId: known.sessionId, untilMs: known.expiresAtMs });
      }
      return { valid: false, reason: refusals.has(reason) ? (reason as TokenRefusal) : "bad_signature" };
    }
    const { userId, username, sessionId, roles, expiresAt } = principal;
    const expiresAtMs = expiresAt === undefined ? clock.now() : timestampMs(expiresAt);
    const scopes = principal.scopes.length === 0 ? undefined : principal.scopes;
    return { valid: true, principal: { userId, username, sessionId, roles, scopes, expiresAtMs } };
  }
}

const refusals: ReadonlySet<string> = new Set<TokenRefusal>([
  "malformed",
  "bad_signature",
  "expired",
  "not_yet_valid",
  "wrong_type",
  "wrong_audience",
  "revoked",
]);
