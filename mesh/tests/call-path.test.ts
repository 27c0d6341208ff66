import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type Interceptor } from "@connectrpc/connect";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { GetUserByIdRequestSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterEach, describe, expect, it } from "vitest";
import { runInCall } from "../src/call-context.ts";
import { ChildCalls } from "../src/child-calls.ts";
import { systemClock } from "../src/clock.ts";
import { errorReason } from "../src/service-error.ts";
import { type ScriptedPeer, startScriptedPeer } from "../src/testing/scripted-peer.ts";
import { until } from "../src/testing/until.ts";
import { callFixture } from "./call-fixture.ts";

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) {
    cleanup();
  }
});

async function serve(routes: (router: ConnectRouter) => void, port = 0): Promise<ScriptedPeer> {
  const server = await startScriptedPeer(routes, { port });
  cleanups.push(() => server.destroy());
  return server;
}

function call(ports: readonly number[], defaultTimeoutMs = 5000, interceptors: readonly Interceptor[] = []) {
  const { peer, path } = callFixture(ports, { defaultTimeoutMs, interceptors });
  cleanups.push(() => peer.drain());
  return { peer, path, users: path.client(UserService), auth: path.client(AuthService) };
}

function answering(name: string, onCall: () => void = () => undefined) {
  return (router: ConnectRouter) => {
    router.service(UserService, {
      getUserById: (request) => {
        onCall();
        return { userId: request.userId, username: name };
      },
    });
  };
}

describe("a call", () => {
  it("reaches the handler and brings its answer back", async () => {
    const { port } = await serve(answering("ada"));
    const { users } = call([port]);
    expect(await users.getUserById({ userId: "u1" })).toMatchObject({ userId: "u1", username: "ada" });
  });

  it("carries an error of the handler with its code, message and details", async () => {
    const { port } = await serve((router) => {
      router.service(UserService, {
        getUserById: () => {
          throw new ConnectError("nobody", Code.NotFound, { "x-why": "gone" }, [
            { desc: GetUserByIdRequestSchema, value: create(GetUserByIdRequestSchema, { userId: "u1" }) },
          ]);
        },
      });
    });
    const error = await call([port])
      .users.getUserById({ userId: "u1" })
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConnectError);
    const answer = error as ConnectError;
    expect(answer.code).toBe(Code.NotFound);
    expect(answer.rawMessage).toBe("nobody");
    expect(answer.metadata.get("x-why")).toBe("gone");
    expect(answer.findDetails(GetUserByIdRequestSchema)).toMatchObject([{ userId: "u1" }]);
  });

  it("spreads over the instances", async () => {
    const counts = [0, 0];
    const served = await Promise.all(
      counts.map((_, index) => serve(answering(`i${index}`, () => (counts[index] = (counts[index] ?? 0) + 1)))),
    );
    const { users, peer } = call(served.map(({ port }) => port));
    await until("every instance is connected", () => peer.endpoints.every((endpoint) => endpoint.pool.open > 0));
    await Promise.all(Array.from({ length: 200 }, () => users.getUserById({ userId: "u" })));
    expect(Math.min(...counts)).toBeGreaterThan(20);
  });

  it("goes to another instance when one cannot be reached", async () => {
    const dead = await serve(answering("dead"));
    dead.destroy();
    const alive = await serve(answering("alive"));
    const { users } = call([dead.port, alive.port]);
    for (let index = 0; index < 20; index += 1) {
      expect((await users.getUserById({ userId: "u" })).username).toBe("alive");
    }
  });

  it("is repeated elsewhere when an idempotent call's instance dies under it", async () => {
    let arrived = 0;
    const dying = await serve((router) => {
      router.service(UserService, {
        getUserById: () => {
          arrived += 1;
          dying.destroy();
          return new Promise(() => undefined);
        },
      });
    });
    const alive = await serve(answering("alive"));
    const { users, peer } = call([dying.port, alive.port]);
    await until("every instance is connected", () => peer.endpoints.every((endpoint) => endpoint.pool.open > 0));
    const answers = await Promise.all(Array.from({ length: 20 }, () => users.getUserById({ userId: "u" })));
    expect(arrived).toBeGreaterThan(0);
    expect(new Set(answers.map((answer) => answer.username))).toEqual(new Set(["alive"]));
  });

  it("fails with UNAVAILABLE and says so when no instance is known", async () => {
    const error = await call([])
      .users.getUserById({ userId: "u" })
      .catch((caught: unknown) => caught);
    expect((error as ConnectError).code).toBe(Code.Unavailable);
    expect(errorReason(error)).toBe("MESH_NO_INSTANCES");
  });

  it("ends at its deadline while the handler hangs, and the handler learns it", async () => {
    let aborted: AbortSignal | undefined;
    const { port } = await serve((router) => {
      router.service(UserService, {
        getUserById: (_request, context) => {
          aborted = context.signal;
          return new Promise(() => undefined);
        },
      });
    });
    const error = await call([port], 100)
      .users.getUserById({ userId: "u" })
      .catch((caught: unknown) => caught);
    expect((error as ConnectError).code).toBe(Code.DeadlineExceeded);
    await until("the handler is told", () => aborted?.aborted === true);
  });

  it("ends as CANCELED when the caller gives up", async () => {
    const { port } = await serve((router) => {
      router.service(UserService, { getUserById: () => new Promise(() => undefined) });
    });
    const controller = new AbortController();
    const { users, peer } = call([port]);
    const pending = users
      .getUserById({ userId: "u" }, { signal: controller.signal })
      .catch((caught: unknown) => caught);
    await until("the call is sent", () => peer.endpoints.some((endpoint) => endpoint.pool.inFlight === 1));
    controller.abort();
    expect(((await pending) as ConnectError).code).toBe(Code.Canceled);
  });

  it("finds the instance again after a restart on the same port", async () => {
    const first = await serve(answering("first"));
    const { users } = call([first.port]);
    expect((await users.getUserById({ userId: "u" })).username).toBe("first");
    first.destroy();
    await serve(answering("second"), first.port);
    await until(
      "the second server answers",
      async () => (await users.getUserById({ userId: "u" }).catch(() => undefined))?.username === "second",
    );
  });

  it("loses nothing when a server drains while calls arrive", async () => {
    const draining = await serve(answering("draining"));
    const staying = await serve(answering("staying"));
    const { users, peer } = call([draining.port, staying.port]);
    await until("every instance is connected", () => peer.endpoints.every((endpoint) => endpoint.pool.open > 0));
    const calls: Promise<unknown>[] = [];
    for (let index = 0; index < 300; index += 1) {
      calls.push(users.getUserById({ userId: "u" }));
      if (index === 100) {
        void draining.drain();
      }
      if (index % 10 === 0) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await expect(Promise.all(calls)).resolves.toHaveLength(300);
  });
});

describe("a call by descriptor", () => {
  const method = UserService.method.getUserById;
  const asked = create(GetUserByIdRequestSchema, { userId: "u1" });

  it("answers with the message, and passes metadata on beside what the call at hand lends", async () => {
    const seen: (string | null)[] = [];
    const { port } = await serve((router) => {
      router.service(UserService, {
        getUserById: ({ userId }, { requestHeader }) => {
          seen.push(...["x-forwarded-for", "authorization", "x-correlation-id"].map((name) => requestHeader.get(name)));
          return { userId };
        },
      });
    });
    const { path } = call([port]);
    const context = { correlationId: "c-1", authorization: "Bearer mine" };
    const metadata = ["x-forwarded-for", "10.1.2.3"];
    expect(await runInCall(context, () => path.call(method, asked, { metadata }))).toMatchObject({ userId: "u1" });
    await runInCall(context, () => path.call(method, asked, { metadata: ["authorization", ""] }));
    expect(seen).toEqual(["10.1.2.3", "Bearer mine", "c-1", null, "", "c-1"]);
  });

  it("ends with the calls that it is put among, and not with the call at hand or its time", async () => {
    const answers: (() => void)[] = [];
    const { port } = await serve((router) => {
      router.service(UserService, {
        getUserById: ({ userId }) => new Promise((resolve) => answers.push(() => resolve({ userId }))),
      });
    });
    const { path } = call([port]);
    const endsWith = new ChildCalls();
    const over = { correlationId: "c", deadlineMs: systemClock.monotonicMs() - 1, signal: AbortSignal.abort() };
    const start = () => runInCall(over, () => path.call(method, asked, { endsWith }));
    const answered = start();
    await until("the handler has it", () => answers.length === 1);
    answers[0]?.();
    expect(await answered).toMatchObject({ userId: "u1" });
    const ended = start().catch((error: unknown) => error);
    await until("the handler has it", () => answers.length === 2);
    endsWith.end(new DOMException("nobody waits", "AbortError"));
    expect(await ended).toMatchObject({ code: Code.Canceled });
    await expect(start()).rejects.toMatchObject({ code: Code.Canceled });
    expect(answers.length).toBe(2);
  });

  it("goes through the interceptors of its peer", async () => {
    const { port } = await serve(answering("ada"));
    const seen: string[] = [];
    const noting: Interceptor = (next) => (request) => {
      seen.push(request.method.name);
      return next(request);
    };
    const { path } = call([port], 5000, [noting]);
    expect(await path.call(method, asked, { metadata: ["x-a", "1"] })).toMatchObject({ username: "ada" });
    expect(seen).toEqual(["GetUserById"]);
  });
});
