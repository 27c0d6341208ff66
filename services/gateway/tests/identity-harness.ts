import { Code, createClient, createRouterTransport, type Interceptor } from "@connectrpc/connect";
import {
  type AuthFixture,
  type AuthInstance,
  bearer,
  codeOf,
  freshSignup,
  startAuthFixture,
} from "@weft/auth/testing/fixture";
import { createApiKeyExchange, createTokenVerifier } from "@weft/auth/verifier";
import { DatabaseUnavailableError, serviceError } from "@weft/mesh";
import { silentLogger, until } from "@weft/mesh/testing";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { createRedisRateLimitStore } from "../src/traffic/rate-limit-store.ts";
import { createRedisTicketStore } from "../src/ws/ticket-store.ts";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";

/*
 * A gateway on a real port before the real auth service, over a real Redis and a real PostgreSQL, which can be stopped. The
 * auth service goes away as the mesh tells it, and there is no mail server. Tokens, and what is remembered of them, live by a
 * clock that a test moves; budgets and connections of the gateway by the machine's.
 */

/** What its owner can ask with. Each thing is good once, and made while everything is there. */
export interface Hand {
  readonly login: string;
  readonly password: string;
  readonly userId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Of other logins: one that is over, one that can be logged out. */
  readonly endedToken: string;
  readonly leaving: string;
  /** The gateway has had a call with it. */
  readonly apiKey: string;
  readonly revokedKey: string;
  readonly ticket: string;
  /** Of an account with an authenticator app, whose password was given. */
  readonly challenge: string;
  readonly recoveryCode: string;
}

export interface IdentityHarness {
  readonly gateway: GatewayHarness;
  readonly fixture: AuthFixture;
  /** As a service behind the gateway asks. */
  readonly service: ReturnType<typeof clientOf>;
  /** Whether the auth service can be reached. */
  setReachable(reachable: boolean): void;
  /** Makes everything that there is to ask with, once it can be made and the gateway hears of ended sessions. */
  handOut(): Promise<Hand>;
  call(method: string, path: string, options?: { readonly token?: string; readonly body?: unknown }): Promise<Response>;
  stop(): Promise<void>;
}

const noMailServer = { send: () => Promise.reject(new Error("connect ECONNREFUSED")) };
/** Reached by nobody, so that only their behaviour without the store is seen. */
const limits = ["*", "weft.auth.v1.AccountService/*", "weft.auth.v1.FactorService/*"].map(
  (name) => `${name}=1000/1000`,
);

export async function startIdentity(): Promise<IdentityHarness> {
  const fixture = await startAuthFixture();
  const auth = await fixture.instance({ mailer: noMailServer });
  await auth.auth.startMail();
  let reachable = true;
  const reached: Interceptor = (next) => (request) => {
    if (!reachable) {
      throw serviceError(Code.Unavailable, "UNAVAILABLE", "no instance can be reached");
    }
    return next(request);
  };
  const interceptors = [asTheMeshAnswers, ...auth.auth.interceptors];
  const service = clientOf(auth, interceptors, reached);
  const { redis, pubsub } = auth;
  const { clock } = fixture;
  const verifier = createTokenVerifier({ client: service, pubsub, redis, clock, logger: silentLogger });
  const gateway = await startGateway({
    routes: (router) => auth.auth.routes(router),
    interceptors,
    // Redis is there or it is not: a late answer of a busy machine says neither.
    env: { WEFT_RATE_LIMITS: limits.join(", "), WEFT_RATE_LIMIT_TIMEOUT: "10s" },
    rateLimits: createRedisRateLimitStore(redis),
    tickets: createRedisTicketStore(redis),
    tokens: verifier,
    apiKeys: createApiKeyExchange({ client: service, clock }),
  });

  const call: IdentityHarness["call"] = (method, path, { token, body } = {}) =>
    fetch(`${gateway.url}${path}`, {
      method,
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  async function withApp(): Promise<Pick<Hand, "challenge" | "recoveryCode">> {
    const signup = freshSignup();
    const owner = bearer((await auth.account.signup(signup)).accessToken);
    const { secret } = await auth.factors.beginTotp({}, owner);
    const { recoveryCodes } = await auth.factors.confirmTotp({ code: codeOf(secret, clock.now()) }, owner);
    const { challenge } = await auth.account.login({ login: signup.username, password: signup.password });
    return { challenge, recoveryCode: recoveryCodes[0] ?? "" };
  }

  async function handOut(): Promise<Hand> {
    const signup = freshSignup();
    const { username: login, password } = signup;
    const { user, accessToken, refreshToken } = await auth.account.signup(signup);
    const owner = bearer(accessToken);
    const key = () => auth.apiKeys.createApiKey({ name: "ci", scopes: ["profile.read"] }, owner);
    const [good, revoked] = [await key(), await key()];
    await auth.apiKeys.revokeApiKey({ keyId: revoked.apiKey?.id ?? "" }, owner);
    const [over, leaving] = [
      await auth.account.login({ login, password }),
      await auth.account.login({ login, password }),
    ];
    await auth.account.logout({ refreshToken: over.refreshToken });
    await auth.service.grantRole({ userId: user?.id ?? "", role: "owner", resource: "project:1" });
    await until("the gateway hears of ended sessions", async () => {
      await auth.auth.revocations.beat().catch(() => undefined);
      return verifier.live;
    });
    const profile = await call("GET", "/api/auth/profile", { token: good.secret });
    const issued = await call("POST", "/api/realtime/tickets", { token: accessToken });
    // Not before the gateway counts by Redis again, which it asks a second after it was away.
    const entered = await call("POST", "/api/auth/login", { body: { login, password } });
    const statuses = [profile, issued, entered].map(({ status }) => status);
    if (statuses.some((status) => status !== 200)) {
      throw new Error(`not everything is there: ${statuses.join(", ")} ${await profile.text()}`);
    }
    const { ticket } = (await issued.json()) as { ticket: string };
    return {
      login,
      password,
      userId: user?.id ?? "",
      accessToken,
      refreshToken,
      endedToken: over.accessToken,
      leaving: leaving.refreshToken,
      apiKey: good.secret,
      revokedKey: revoked.secret,
      ticket,
      ...(await withApp()),
    };
  }

  return {
    gateway,
    fixture,
    service,
    setReachable: (isReachable) => {
      reachable = isReachable;
      gateway.instances.set("auth-service", isReachable ? 1 : 0);
    },
    handOut,
    call,
    stop: async () => {
      await gateway.stop();
      await verifier.close();
      await fixture.close();
    },
  };
}

/** What a service behind a mesh says where the database is away. */
const asTheMeshAnswers: Interceptor = (next) => (request) =>
  next(request).catch((error: unknown) => {
    const isAway = error instanceof DatabaseUnavailableError;
    throw isAway ? serviceError(Code.Unavailable, "DATABASE_UNAVAILABLE", "the database is not available") : error;
  });

function clientOf({ auth }: AuthInstance, interceptors: Interceptor[], onTheWay: Interceptor) {
  const options = { router: { interceptors }, transport: { interceptors: [onTheWay] } };
  return createClient(
    AuthService,
    createRouterTransport((router) => auth.routes(router), options),
  );
}
