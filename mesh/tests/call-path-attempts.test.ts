import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "@weft/proto/grpc/health/v1/health_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterEach, describe, expect, test } from "vitest";
import { runInCall } from "../src/call-context.ts";
import { RetryBudget } from "../src/client/retry-budget.ts";
import { systemClock } from "../src/clock.ts";
import { errorMetadata, errorReason } from "../src/service-error.ts";
import { type ScriptedPeer, startScriptedPeer } from "../src/testing/scripted-peer.ts";
import { until } from "../src/testing/until.ts";
import { callFixture } from "./call-fixture.ts";

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) {
    cleanup();
  }
});

async function serve(routes: (router: ConnectRouter) => void): Promise<ScriptedPeer> {
  const peer = await startScriptedPeer(routes);
  cleanups.push(() => peer.destroy());
  return peer;
}

async function callers(ports: readonly number[], options: { retries?: number } = {}) {
  const retryBudget = new RetryBudget({ perSecond: 0.001, savedSeconds: (options.retries ?? 100) * 1000, ratio: 0 });
  const { peer, path, attempts } = callFixture(ports, {
    retryBudget,
    peer: { name: "some-service", scaler: { minConnections: 1, maxConnections: 4 } },
  });
  cleanups.push(() => peer.drain());
  await until("every instance has been dialled", () =>
    peer.endpoints.every(({ pool }) => pool.open > 0 || !pool.available),
  );
  return {
    peer,
    attempts,
    users: path.client(UserService),
    projects: path.client(ProjectService),
    health: path.client(Health),
  };
}

const failure = (promise: Promise<unknown>): Promise<ConnectError> =>
  promise.then(
    () => expect.fail("it was answered"),
    (error: unknown) => error as ConnectError,
  );

/** Ends all connections as soon as a call arrives. */
function dying(onCall: () => void = () => undefined): Promise<ScriptedPeer> {
  const die = (): Promise<never> => {
    onCall();
    peer.destroy();
    return new Promise(() => undefined);
  };
  let peer: ScriptedPeer;
  return serve((router) => {
    router.service(UserService, { getUserById: die });
    router.service(ProjectService, { createProject: die });
  }).then((started) => (peer = started));
}

describe("a call that may have been processed", () => {
  test("is not repeated when its method is not idempotent, and says why", async () => {
    let arrived = 0;
    const first = await dying(() => (arrived += 1));
    const { projects, attempts } = await callers([first.port]);
    const error = await failure(projects.createProject({ name: "p" }));
    expect(error.code).toBe(Code.Unavailable);
    expect(errorReason(error)).toBe("MESH_CONNECTION_LOST");
    expect(errorMetadata(error)).toEqual({ peer: "some-service" });
    expect([arrived, attempts]).toMatchObject([1, { failed: 1, retried: 0 }]);
  });

  test("is not repeated once the budget is used up", async () => {
    const { users, attempts } = await callers([(await dying()).port], { retries: 0 });
    expect((await failure(users.getUserById({ userId: "u" }))).code).toBe(Code.Unavailable);
    expect(attempts).toMatchObject({ budgetExhausted: 1, retried: 0 });
  });
});

describe("an answer of the peer", () => {
  test("is final, even when it is UNAVAILABLE", async () => {
    let arrived = 0;
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: () => {
          arrived += 1;
          throw new ConnectError("busy", Code.Unavailable);
        },
      }),
    );
    const { users } = await callers([peer.port]);
    expect(await failure(users.getUserById({ userId: "u" }))).toMatchObject({
      code: Code.Unavailable,
      rawMessage: "busy",
    });
    expect(arrived).toBe(1);
  });
});

describe("a call whose surrounding call has no time left", () => {
  test("fails with DEADLINE_EXCEEDED without being sent", async () => {
    let arrived = 0;
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: () => {
          arrived += 1;
          return {};
        },
      }),
    );
    const { users } = await callers([peer.port]);
    const late = { correlationId: "c", deadlineMs: systemClock.monotonicMs() + 3 };
    const error = await runInCall(late, () => failure(users.getUserById({ userId: "u" }, { timeoutMs: 5000 })));
    expect(errorReason(error)).toBe("MESH_DEADLINE_EXCEEDED");
    await users.getUserById({ userId: "u" });
    expect(arrived).toBe(1);
  });
});

describe("a stream", () => {
  const watchable = (router: ConnectRouter): void =>
    void router.service(Health, {
      async *watch(_request, context) {
        yield { status: Serving.SERVING };
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      },
    });

  test("begins at another instance when one cannot be reached", async () => {
    const alive = await serve(watchable);
    const dead = await serve(watchable);
    dead.destroy();
    const { health, peer } = await callers([alive.port]);
    // Just heard of, and still being dialled when the streams begin.
    peer.update([alive.instance("some-service"), dead.instance("some-service")]);
    expect(peer.state()).toEqual({ instances: 2, available: 2 });
    const leaving = new AbortController();
    const first = await Promise.all(
      Array.from({ length: 10 }, () => health.watch({}, { signal: leaving.signal })[Symbol.asyncIterator]().next()),
    );
    leaving.abort();
    expect(first.map(({ value }) => value?.status)).toEqual(Array(10).fill(Serving.SERVING));
  });

  test("that nobody listens to ends quietly when it fails", async () => {
    const { health } = await callers([]);
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", note);
    health.watch({});
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });

  test("counts as load of its connection while it lasts", async () => {
    const { port } = await serve(watchable);
    const { health, peer } = await callers([port]);
    const leaving = new AbortController();
    const messages = health.watch({}, { signal: leaving.signal })[Symbol.asyncIterator]();
    await messages.next();
    expect(peer.endpoints[0]?.pool.inFlight).toBe(1);
    leaving.abort();
    await failure(messages.next());
    await until("it is over", () => peer.endpoints[0]?.pool.inFlight === 0);
  });

  test("without any signal of its own needs none", async () => {
    const { port } = await serve((router) =>
      router.service(Health, {
        async *watch() {
          yield { status: Serving.SERVING };
        },
      }),
    );
    const { health } = await callers([port]);
    const statuses: Serving[] = [];
    for await (const { status } of health.watch({})) {
      statuses.push(status);
    }
    expect(statuses).toEqual([Serving.SERVING]);
  });

  test("fails with UNAVAILABLE and the mesh's reason when no instance is known", async () => {
    const { health } = await callers([]);
    const error = await failure(health.watch({})[Symbol.asyncIterator]().next());
    expect(error.code).toBe(Code.Unavailable);
    expect(errorReason(error)).toBe("MESH_NO_INSTANCES");
  });
});
