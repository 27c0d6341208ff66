import { type Client, createClient, createRouterTransport } from "@connectrpc/connect";
import { errorReason } from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createTokenVerifier, type TokenVerifier } from "../src/verifier/index.ts";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";
import { away } from "./scripted-user-service.ts";

let fixture: AuthFixture;
let auth: AuthInstance;
/** What the verifier asks the auth service, and whether it gets an answer. */
let asked: string[] = [];
let reachable = true;
let verifier: TokenVerifier;

beforeAll(async () => {
  fixture = await startAuthFixture();
  auth = await fixture.instance();
});
afterAll(() => fixture.close());

const createVerifier = (): TokenVerifier => {
  const { pubsub, redis } = auth;
  const client: Client<typeof AuthService> = createClient(
    AuthService,
    createRouterTransport((router) => {
      router.service(AuthService, {
        getJwks: (request) => (reachable ? auth.service.getJwks(request) : away()),
        validateToken: (request) => {
          asked.push(request.token);
          return reachable ? auth.service.validateToken(request) : away();
        },
      });
    }),
  );
  return createTokenVerifier({ client, pubsub, redis, clock: fixture.clock, logger: silentLogger });
};

beforeEach(() => {
  asked = [];
  reachable = true;
  verifier = createVerifier();
});
afterEach(() => verifier.close());

const outcome = (token: string, of = verifier) =>
  of.verify(token).then(
    () => "accepted",
    (error: unknown) => errorReason(error),
  );
const becomeLive = async (of = verifier) => {
  await of.started;
  await auth.auth.revocations.beat();
  await expect.poll(() => of.live).toBe(true);
};
const restartRedis = async () => {
  await fixture.redisStore.stop();
  await expect.poll(() => auth.redis.state()).toBe("away");
  await fixture.redisStore.start();
  await expect.poll(() => auth.redis.state()).toBe("ready");
};

describe("a verifier whose feed is live", () => {
  test("accepts without asking, and refuses a token soon after its session has ended", async () => {
    const { accessToken, refreshToken } = await auth.account.signup(freshSignup());
    await becomeLive();
    expect(verifier.known(accessToken)).toBeUndefined();
    expect(await outcome(accessToken)).toBe("accepted");
    const ended: string[] = [];
    verifier.onRevoked((sessionId) => ended.push(sessionId));
    const { sessionId } = await verifier.verify(accessToken);
    expect(verifier.known(accessToken)?.sessionId).toBe(sessionId);
    await auth.account.logout({ refreshToken });
    await expect.poll(() => outcome(accessToken)).toBe("TOKEN_REVOKED");
    expect(verifier.known(accessToken)).toBeUndefined();
    expect(ended).toEqual([sessionId]);
    expect(asked).toEqual([]);
  });

  test("knows of sessions that ended before it was made", async () => {
    const { accessToken, refreshToken } = await auth.account.signup(freshSignup());
    await auth.account.logout({ refreshToken });
    await becomeLive();
    expect(await outcome(accessToken)).toBe("TOKEN_REVOKED");
    expect(asked).toEqual([]);
  });

  test("refuses a remembered token once it has expired", async () => {
    const { accessToken } = await auth.account.signup(freshSignup());
    await becomeLive();
    expect(await outcome(accessToken)).toBe("accepted");
    await fixture.clock.advance(15 * 60_000);
    expect(verifier.known(accessToken)).toBeUndefined();
    expect(await outcome(accessToken)).toBe("TOKEN_EXPIRED");
  });

  test("reads the index again when a message did not arrive", async () => {
    const { accessToken } = await auth.account.signup(freshSignup());
    await becomeLive();
    const { sessionId } = await verifier.verify(accessToken);
    // The index and its number move on without a message, as when the announcer dies between the two.
    await auth.redis.commands.zadd("auth:revocations:index", fixture.clock.now() + 900_000, sessionId);
    await auth.redis.commands.incr("auth:revocations:sequence");
    expect(await outcome(accessToken)).toBe("accepted");
    await auth.auth.revocations.beat();
    await expect.poll(() => outcome(accessToken)).toBe("TOKEN_REVOKED");
  });
});

describe("a verifier whose feed is not live", () => {
  test("asks the auth service, and believes the answer for four seconds, one less than is promised", async () => {
    const { accessToken, refreshToken } = await auth.account.signup(freshSignup());
    await verifier.started;
    expect(verifier.live).toBe(false);
    expect(await Promise.all([outcome(accessToken), outcome(accessToken)])).toEqual(["accepted", "accepted"]);
    expect(asked).toHaveLength(1);
    await fixture.clock.advance(3_999);
    expect(await outcome(accessToken)).toBe("accepted");
    expect(asked).toHaveLength(1);
    await fixture.clock.advance(1);
    await auth.account.logout({ refreshToken });
    await expect.poll(() => outcome(accessToken)).toBe("TOKEN_REVOKED");
  });

  test("does not trouble the auth service with tokens that are bad by themselves", async () => {
    const { accessToken } = await auth.account.signup(freshSignup());
    await verifier.started;
    expect(await outcome(`${accessToken.slice(0, -6)}AAAAAA`)).toBe("TOKEN_INVALID");
    expect(asked).toEqual([]);
  });

  test("ASVS 16.5.3: accepts nothing when the auth service cannot be asked, and asks again at the next call", async () => {
    const { accessToken } = await auth.account.signup(freshSignup());
    await verifier.started;
    reachable = false;
    expect(await outcome(accessToken)).toBe("AUTH_UNAVAILABLE");
    reachable = true;
    await fixture.clock.advance(5_000);
    expect(await outcome(accessToken)).toBe("accepted");
  });

  test("does not take an empty index for a complete one", async () => {
    const { accessToken, refreshToken } = await auth.account.signup(freshSignup());
    await auth.account.logout({ refreshToken });
    await auth.redis.commands.flushall();
    const fresh = createVerifier();
    await fresh.started;
    expect(fresh.live).toBe(false);
    expect(await outcome(accessToken, fresh)).toBe("TOKEN_REVOKED");
    expect(asked).toHaveLength(1);
    await fresh.close();
  });

  test("falls silent when no heartbeat has come for three seconds", async () => {
    await becomeLive();
    await fixture.clock.advance(2_999);
    expect(verifier.live).toBe(true);
    await fixture.clock.advance(1);
    expect(verifier.live).toBe(false);
    await becomeLive();
  });
});

describe("ValidateToken", () => {
  const stateOf = async (token: string, instance = auth) => {
    const { valid, reason } = await instance.service.validateToken({ token });
    return valid ? "valid" : reason;
  };
  /** As another instance does that dies before it tells anybody. */
  const endUnheard = async (token: string) => {
    const { sessionId } = await verifier.verify(token);
    const ended = "UPDATE sessions SET ended_at = $2, end_reason = 'logout' WHERE id = $1";
    await fixture.database.query(ended, [sessionId, new Date(fixture.clock.now())]);
  };

  test("refuses a token that it has just called good as soon as the logout is answered, before and after a while", async () => {
    const { accessToken, refreshToken } = await auth.account.signup(freshSignup());
    expect([await stateOf(accessToken), await stateOf(accessToken)]).toEqual(["valid", "valid"]);
    await auth.account.logout({ refreshToken });
    expect(await stateOf(accessToken)).toBe("revoked");
    await fixture.clock.advance(1_000);
    expect(await stateOf(accessToken)).toBe("revoked");
  });

  test("of another instance refuses it soon after, without waiting for its second to end", async () => {
    const other = await fixture.instance();
    const { accessToken, refreshToken } = await auth.account.signup(freshSignup());
    expect(await stateOf(accessToken, other)).toBe("valid");
    await auth.account.logout({ refreshToken });
    await expect.poll(() => stateOf(accessToken, other)).toBe("revoked");
  });

  test("refuses it after a second at the latest, when an instance ended it and told nobody", async () => {
    const { accessToken } = await auth.account.signup(freshSignup());
    expect(await stateOf(accessToken)).toBe("valid");
    await endUnheard(accessToken);
    expect(await stateOf(accessToken)).toBe("valid");
    await fixture.clock.advance(1_000);
    expect(await stateOf(accessToken)).toBe("revoked");
  });

  test("is not asked by the service's own methods: they look the session up each time", async () => {
    const { accessToken } = await auth.account.signup(freshSignup());
    expect(await stateOf(accessToken)).toBe("valid");
    await endUnheard(accessToken);
    const listed = auth.account.listSessions({}, bearer(accessToken));
    expect(await listed.catch((error: unknown) => errorReason(error))).toBe("TOKEN_REVOKED");
  });
});

describe("when Redis goes away and comes back empty", () => {
  test("a logout meanwhile succeeds, the auth service refuses its tokens, and the index is filled again", async () => {
    const before = await auth.account.signup(freshSignup());
    const during = await auth.account.signup(freshSignup());
    await auth.account.logout({ refreshToken: before.refreshToken });
    await becomeLive();
    auth.auth.revocations.start();
    await fixture.redisStore.stop();
    await expect.poll(() => auth.redis.state()).toBe("away");

    await auth.account.logout({ refreshToken: during.refreshToken });
    expect(await auth.service.validateToken({ token: during.accessToken })).toMatchObject({ reason: "revoked" });
    await fixture.clock.advance(5_000);
    expect(await outcome(during.accessToken)).toBe("TOKEN_REVOKED");

    await fixture.redisStore.start();
    await expect.poll(() => auth.redis.state()).toBe("ready");
    const fresh = createVerifier();
    await fresh.started;
    await expect
      .poll(async () => {
        await fixture.clock.advance(1_000);
        return fresh.live;
      })
      .toBe(true);
    asked = [];
    expect(await outcome(before.accessToken, fresh)).toBe("TOKEN_REVOKED");
    expect(await outcome(during.accessToken, fresh)).toBe("TOKEN_REVOKED");
    expect(asked).toEqual([]);
    await fresh.close();
  });

  test("the sessions of an account that is deleted and forgotten are in the new index too", async () => {
    const signup = freshSignup();
    const { accessToken } = await auth.account.signup(signup);
    await auth.account.deleteAccount({ password: signup.password }, bearer(accessToken));
    await fixture.clock.advance(2 * 60_000 + 1);
    expect(await auth.auth.accounts.sweepAbandonedAccounts()).toBe(1);
    await auth.redis.commands.flushall();
    const fresh = createVerifier();
    await becomeLive(fresh);
    expect(await outcome(accessToken, fresh)).toBe("TOKEN_REVOKED");
    expect(asked).toEqual([]);
    await fresh.close();
  });

  test("what a verifier has learnt it does not forget", async () => {
    const { accessToken, refreshToken } = await auth.account.signup(freshSignup());
    await becomeLive();
    await auth.account.logout({ refreshToken });
    await expect.poll(() => outcome(accessToken)).toBe("TOKEN_REVOKED");
    await restartRedis();
    asked = [];
    reachable = false;
    expect(await outcome(accessToken)).toBe("TOKEN_REVOKED");
    expect(asked).toEqual([]);
  });
});
