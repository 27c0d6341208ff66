import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { ListProjectsRequestSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { GetUserByIdRequestSchema, UserResponseSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { describe, expect, it } from "vitest";
import { type CallContext, currentCall } from "../src/call-context.ts";
import { until } from "../src/testing/until.ts";
import { traceIdOf, traceToHeader } from "../src/trace-context.ts";
import { callers, connected, failure, nextTurn, probe, serve } from "./lane-fixture.ts";
import type { ProbeCall } from "./probe-call.ts";

/** Handlers that answer when the test says so, by user id. */
function gates() {
  const open = new Map<string, PromiseWithResolvers<void>>();
  const gate = (userId: string): PromiseWithResolvers<void> => {
    const one = open.get(userId) ?? Promise.withResolvers<void>();
    open.set(userId, one);
    return one;
  };
  const arrived: string[] = [];
  const peer = serve((router) =>
    router.service(UserService, {
      getUserById: async ({ userId }) => {
        arrived.push(userId);
        await gate(userId).promise;
        return { userId };
      },
    }),
  );
  return { peer, arrived, answer: (userId: string) => gate(userId).resolve() };
}

/** A peer whose handler never answers, with the contexts of its calls. */
async function hanging() {
  const contexts: HandlerContext[] = [];
  const peer = await serve((router) =>
    router.service(UserService, {
      getUserById: (_request, context) => {
        contexts.push(context);
        return new Promise(() => undefined);
      },
    }),
  );
  return { peer, contexts };
}

describe("calls on one lane", () => {
  it("are answered in any order", async () => {
    const { peer, arrived, answer } = gates();
    const { users, fallbacks } = await callers([(await peer).port]);
    const order: string[] = [];
    const calls = ["a", "b", "c"].map((userId) =>
      users.getUserById({ userId }).then((user) => {
        expect(user.userId).toBe(userId);
        order.push(userId);
      }),
    );
    await until("all have arrived", () => arrived.length === 3);
    for (const userId of ["c", "a", "b"]) {
      answer(userId);
      await until(`${userId} is answered`, () => order.at(-1) === userId);
    }
    await Promise.all(calls);
    expect(fallbacks()).toBe(0);
  });

  it("that were made in one turn leave in one batch, and one that is alone at once", async () => {
    const peer = await serve((router) => router.service(UserService, { getUserById: ({ userId }) => ({ userId }) }));
    const laneCounters = { lanes: 0, framesIn: 0, framesOut: 0, batchesIn: 0, batchesOut: 0, bytesIn: 0, bytesOut: 0 };
    const connection = await connected(peer.port, { laneCounters });
    await Promise.all(Array.from({ length: 100 }, () => probe().on(connection)));
    expect(laneCounters).toMatchObject({ framesOut: 100, batchesOut: 1, framesIn: 100 });
    await probe().on(connection);
    expect(laneCounters).toMatchObject({ framesOut: 101, batchesOut: 2 });
  });

  it("reuse ids safely, thousands of times", async () => {
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: async ({ userId }) => {
          if (Number(userId) % 3 === 0) {
            await nextTurn();
          }
          return { userId };
        },
      }),
    );
    const connection = await connected(peer.port);
    for (let round = 0; round < 30; round += 1) {
      const calls = Array.from({ length: 100 }, (_, index) => probe(String(round * 100 + index)));
      const answers = calls.map((call) => call.on(connection));
      for (let index = 0; index < 100; index += 7) {
        connection.cancel(calls[index] as ProbeCall);
      }
      for (const [index, answer] of answers.entries()) {
        if (index % 7 !== 0) {
          expect(await answer).toMatchObject({ userId: String(round * 100 + index) });
        }
      }
      expect(calls.filter(({ ends }) => ends === 0)).toHaveLength(15);
    }
  });

  it("are not mixed up when a place is given up and taken again more often than there are generations", async () => {
    const contexts: HandlerContext[] = [];
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: ({ userId }, context) => {
          contexts.push(context);
          return userId === "last" ? {} : new Promise(() => undefined);
        },
      }),
    );
    const connection = await connected(peer.port);
    for (let round = 0; round < 512; round += 1) {
      const given = probe();
      void given.on(connection);
      connection.cancel(given);
    }
    const kept = probe();
    void kept.on(connection);
    await nextTurn();
    await probe("last").on(connection);
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([...Array(512).fill(true), false, true]);
    expect(kept.ends).toBe(0);
  });
});

describe("a deadline", () => {
  it("travels in the frame, and the handler sees what is left of it", async () => {
    const { peer, contexts } = await hanging();
    const connection = await connected(peer.port);
    void probe("u", { timeoutMs: 60_000 }).on(connection);
    void probe("u").on(connection);
    await until("both have arrived", () => contexts.length === 2);
    const left = contexts[0]?.timeoutMs() ?? Number.NaN;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(60_001);
    expect(contexts[1]?.timeoutMs()).toBeUndefined();
  });

  it("ends the call on both sides", async () => {
    const { peer, contexts } = await hanging();
    const { users } = await callers([peer.port]);
    const error = await failure(users.getUserById({ userId: "u" }, { timeoutMs: 40 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    await until("the handler is told", () => contexts[0]?.signal.aborted);
    expect(peer.inFlight).toBe(0);
  });

  it("ends a call that waits for a connection", async () => {
    const { peer, contexts } = await hanging();
    const { users, peer: calling } = await callers([peer.port], {
      peer: { scaler: { minConnections: 1, maxConnections: 1, callsPerConnection: 1, packedCalls: 1 } },
    });
    const first = users.getUserById({ userId: "u" }).catch(() => undefined);
    const error = await failure(users.getUserById({ userId: "u" }, { timeoutMs: 30 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    const { pool } = calling.endpoints[0] as (typeof calling.endpoints)[number];
    expect([pool.queueDepth, pool.inFlight, contexts.length]).toEqual([0, 1, 1]);
    pool.destroy("enough");
    await first;
  });
});

describe("a cancellation", () => {
  it("is a frame that reaches the handler's signal, and leaves the lane as it is", async () => {
    const { peer, contexts } = await hanging();
    const { users, peer: calling } = await callers([peer.port]);
    const leaving = new AbortController();
    const pending = failure(users.getUserById({ userId: "u" }, { signal: leaving.signal }));
    await until("it has arrived", () => contexts.length === 1);
    leaving.abort();
    expect((await pending).code).toBe(Code.Canceled);
    await until("the handler is told", () => contexts[0]?.signal.aborted);
    expect(contexts[0]?.signal.reason).toMatchObject({ code: Code.Canceled });
    expect(calling.endpoints[0]?.pool.open).toBe(1);
    await until("the server has let go of it", () => peer.inFlight === 0);
  });

  it("before the call is made means that it is never sent", async () => {
    const { peer, contexts } = await hanging();
    const { users } = await callers([peer.port]);
    const error = await failure(users.getUserById({ userId: "u" }, { signal: AbortSignal.abort() }));
    expect(error.code).toBe(Code.Canceled);
    const second = failure(users.getUserById({ userId: "u" }, { timeoutMs: 30 }));
    await until("the next one has arrived", () => contexts.length > 0);
    await second;
    expect(contexts).toHaveLength(1);
  });

  it("after the answer does nothing", async () => {
    const peer = await serve((router) => router.service(UserService, { getUserById: ({ userId }) => ({ userId }) }));
    const { users } = await callers([peer.port]);
    const leaving = new AbortController();
    const user = await users.getUserById({ userId: "u" }, { signal: leaving.signal });
    leaving.abort();
    expect(user.userId).toBe("u");
    expect((await users.getUserById({ userId: "v" })).userId).toBe("v");
  });

  it("leaves no listener on a signal that lives long", async () => {
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: ({ userId }) => {
          if (userId === "bad") {
            throw new ConnectError("no", Code.NotFound);
          }
          return { userId };
        },
      }),
    );
    const { users } = await callers([peer.port]);
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    for (let round = 0; round < 10; round += 1) {
      await Promise.allSettled(
        Array.from({ length: 100 }, (_, index) =>
          users.getUserById({ userId: index % 2 === 0 ? "u" : "bad" }, { signal }),
        ),
      );
    }
    expect(listeners).toBe(0);
  });
});

describe("calls that a handler makes", () => {
  /** A front whose handler calls the back. */
  async function twoHops(back: Parameters<typeof serve>[0], onFront: (call: CallContext) => unknown = () => undefined) {
    const behind = await serve(back);
    const inner = await callers([behind.port]);
    const front = await serve((router) =>
      router.service(UserService, {
        getUserById: async ({ userId }) => {
          await onFront(currentCall() as CallContext);
          return inner.users.getUserById({ userId });
        },
      }),
    );
    return { ...(await callers([front.port])), front, behind, inner };
  }

  it("end with it, on the wire too", async () => {
    const contexts: HandlerContext[] = [];
    const { users, front, behind } = await twoHops((router) =>
      router.service(UserService, {
        getUserById: (_request, context) => {
          contexts.push(context);
          return new Promise(() => undefined);
        },
      }),
    );
    const leaving = new AbortController();
    const pending = failure(users.getUserById({ userId: "u" }, { signal: leaving.signal }));
    await until("the call behind has arrived", () => contexts.length === 1);
    leaving.abort();
    expect((await pending).code).toBe(Code.Canceled);
    await until("the handler behind is told", () => contexts[0]?.signal.aborted);
    await until("both have let go", () => front.inFlight + behind.inFlight === 0);
  });

  it("that begin after its end are never sent", async () => {
    let arrived = 0;
    const behind = await serve((router) =>
      router.service(UserService, {
        getUserById: () => {
          arrived += 1;
          return {};
        },
      }),
    );
    const inner = await callers([behind.port]);
    const told = Promise.withResolvers<ConnectError>();
    const front = await serve((router) =>
      router.service(UserService, {
        getUserById: async (_request, { signal }) => {
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          told.resolve(await failure(inner.users.getUserById({ userId: "late" })));
          return {};
        },
      }),
    );
    const { users } = await callers([front.port]);
    await failure(users.getUserById({ userId: "u" }, { timeoutMs: 30 }));
    // Deadline here and caller's cancel race, as in gRPC: either one ends the handler's call.
    expect([Code.DeadlineExceeded, Code.Canceled]).toContain((await told.promise).code);
    expect(arrived).toBe(0);
  });

  it("have less time than it has", async () => {
    const left: number[] = [];
    const { users } = await twoHops(
      (router) =>
        router.service(UserService, {
          getUserById: (_request, context) => {
            left.push(context.timeoutMs() ?? Number.NaN);
            return {};
          },
        }),
      async ({ deadlineMs = Number.NaN }) => {
        const leftMs = deadlineMs - performance.now();
        left.push(leftMs);
        // The wire counts whole milliseconds, rounded up: two have to pass until less is seen for certain.
        await until("two milliseconds have passed", () => deadlineMs - performance.now() < leftMs - 2);
      },
    );
    await users.getUserById({ userId: "u" }, { timeoutMs: 60_000 });
    expect(left[1]).toBeLessThan(left[0] as number);
  });

  it("carry its correlation id and its authorization, and nothing else of its metadata", async () => {
    const seen: Headers[] = [];
    const { users } = await twoHops((router) =>
      router.service(UserService, {
        getUserById: (_request, context) => {
          seen.push(context.requestHeader);
          return {};
        },
      }),
    );
    const headers = { "x-correlation-id": "c-1", authorization: "Bearer t", tenant: "blue" };
    await users.getUserById({ userId: "u" }, { headers });
    await users.getUserById({ userId: "u" }, { headers });
    for (const header of seen) {
      expect([header.get("x-correlation-id"), header.get("authorization"), header.get("tenant")]).toEqual([
        "c-1",
        "Bearer t",
        null,
      ]);
    }
    expect(seen).toHaveLength(2);
  });

  it("belong to its trace, each with a span of its own", async () => {
    const seen: { trace: string; header: string; correlation: string }[] = [];
    const note = (call: CallContext): void =>
      void seen.push({
        trace: traceIdOf(call.trace as NonNullable<CallContext["trace"]>),
        header: traceToHeader(call.trace as NonNullable<CallContext["trace"]>),
        correlation: call.correlationId,
      });
    const { users } = await twoHops(
      (router) =>
        router.service(UserService, {
          getUserById: (_request, context) => {
            note(currentCall() as CallContext);
            expect(context.requestHeader.get("traceparent")).toBe(seen[1]?.header);
            return {};
          },
        }),
      note,
    );
    await users.getUserById({ userId: "u" });
    const [front, back] = seen;
    expect(back?.trace).toBe(front?.trace);
    expect(back?.header).not.toBe(front?.header);
    expect([front?.correlation, back?.correlation]).toEqual([front?.trace, front?.trace]);
  });

  it("of one caller at once do not share a context", async () => {
    const { users } = await twoHops((router) =>
      router.service(UserService, {
        getUserById: async ({ userId }, context) => {
          await nextTurn();
          return { userId, username: context.requestHeader.get("x-correlation-id") ?? "" };
        },
      }),
    );
    const names = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        users.getUserById({ userId: "u" }, { headers: { "x-correlation-id": `c-${index}` } }),
      ),
    );
    expect(names.map(({ username }) => username)).toEqual(Array.from({ length: 50 }, (_, index) => `c-${index}`));
  });
});

describe("an answer", () => {
  it("brings headers and trailers, binary ones as they are", async () => {
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: (_request, { responseHeader, responseTrailer }) => {
          responseHeader.set("x-region", "north");
          responseTrailer.set("x-cost", "3");
          responseTrailer.set("proof-bin", "AQID");
          return {};
        },
      }),
    );
    const { users } = await callers([peer.port]);
    for (let round = 0; round < 3; round += 1) {
      let header: Headers | undefined;
      let trailer: Headers | undefined;
      await users.getUserById(
        { userId: "u" },
        { onHeader: (given) => (header = given), onTrailer: (given) => (trailer = given) },
      );
      expect([header?.get("x-region"), trailer?.get("x-cost"), trailer?.get("proof-bin")]).toEqual([
        "north",
        "3",
        "AQID",
      ]);
    }
  });

  it("may be made of an init, of a message, at once or later", async () => {
    const message = create(UserResponseSchema, { username: "message" });
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: ({ userId }) =>
          userId === "init" ? { username: "init" } : userId === "message" ? message : Promise.resolve({}),
        getUserByUsername: () => undefined as never,
      }),
    );
    const { users } = await callers([peer.port]);
    expect((await users.getUserById({ userId: "init" })).username).toBe("init");
    expect((await users.getUserById({ userId: "message" })).username).toBe("message");
    expect((await users.getUserById({ userId: "later" })).username).toBe("");
    expect((await users.getUserByUsername({ username: "nothing" })).username).toBe("");
  });

  it("that cannot be encoded fails its call only", async () => {
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: ({ userId }, { responseHeader }) => {
          responseHeader.set("tenant", "blue");
          return userId === "bad" ? { userId, createdAt: 1.5 as unknown as bigint } : { userId };
        },
      }),
    );
    const { users, peer: calling } = await callers([peer.port]);
    const calls = ["a", "bad", "b", "bad", "c"].map((userId) => users.getUserById({ userId }));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect((outcomes[1] as PromiseRejectedResult).reason).toMatchObject({ code: Code.Internal });
    let header: Headers | undefined;
    await users.getUserById({ userId: "d" }, { onHeader: (given) => (header = given) });
    expect(header?.get("tenant")).toBe("blue");
    expect(calling.endpoints[0]?.pool.counts()).toEqual({ connecting: 0, open: 1, draining: 0 });
  });

  it.each(["at once", "later"])(
    "that is an error, thrown %s, has code, message, details and metadata",
    async (when) => {
      const peer = await serve((router) =>
        router.service(UserService, {
          getUserById: async (_request, { responseHeader, responseTrailer }) => {
            responseHeader.set("x-region", "north");
            responseTrailer.set("x-cost", "3");
            if (when === "later") {
              await nextTurn();
            }
            throw new ConnectError("nobody, ääh", Code.NotFound, { "x-why": "gone", "proof-bin": "AQID" }, [
              { desc: GetUserByIdRequestSchema, value: create(GetUserByIdRequestSchema, { userId: "u1" }) },
            ]);
          },
          getUserByUsername: () => {
            throw new ConnectError("at once", Code.Aborted);
          },
        }),
      );
      const { users } = await callers([peer.port]);
      const error = await failure(users.getUserById({ userId: "u" }));
      expect(error).toMatchObject({ code: Code.NotFound, rawMessage: "nobody, ääh" });
      expect(error.findDetails(GetUserByIdRequestSchema)).toMatchObject([{ userId: "u1" }]);
      const { metadata } = error;
      expect(["x-why", "proof-bin", "x-region", "x-cost"].map((name) => metadata.get(name))).toEqual([
        "gone",
        "AQID",
        "north",
        "3",
      ]);
      expect(metadata.get("x-correlation-id")).toMatch(/^[0-9a-f]{32}$/);
      expect((await failure(users.getUserByUsername({ username: "u" }))).code).toBe(Code.Aborted);
    },
  );

  it("to a handler's mistake says nothing of it", async () => {
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: () => {
          throw new Error("password is hunter2");
        },
        getUserByUsername: () => Promise.reject(new TypeError("db.internal")),
      }),
    );
    const { users } = await callers([peer.port]);
    expect(await failure(users.getUserById({ userId: "u" }))).toMatchObject({
      code: Code.Internal,
      rawMessage: "internal error",
    });
    expect(await failure(users.getUserByUsername({ username: "u" }))).toMatchObject({ rawMessage: "internal error" });
  });

  it("whose error cannot be encoded is an internal error of its call only", async () => {
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: ({ userId }) => {
          if (userId === "bad") {
            throw new ConnectError("odd", Code.NotFound, undefined, [
              { desc: ListProjectsRequestSchema, value: { pageSize: 2 ** 40 } },
            ]);
          }
          return { userId };
        },
      }),
    );
    const { users } = await callers([peer.port]);
    const [bad, good] = await Promise.allSettled([
      users.getUserById({ userId: "bad" }, { timeoutMs: 2000 }),
      users.getUserById({ userId: "good" }),
    ]);
    expect(bad).toMatchObject({ status: "rejected", reason: { code: Code.Internal } });
    expect(good).toMatchObject({ status: "fulfilled" });
    expect(peer.inFlight).toBe(0);
  });
});

describe("a request", () => {
  it("that cannot be encoded fails its caller only", async () => {
    const peer = await serve((router) => {
      router.service(ProjectService, { listProjects: ({ pageToken }) => ({ nextPageToken: pageToken }) });
    });
    const { projects, peer: calling } = await callers([peer.port]);
    const outcomes = await Promise.allSettled(
      [1, 2 ** 40, 2].map((pageSize) =>
        projects.listProjects({ pageSize, pageToken: String(pageSize) }, { headers: { tenant: "blue" } }),
      ),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((outcomes[2] as PromiseFulfilledResult<{ nextPageToken: string }>).value.nextPageToken).toBe("2");
    expect(calling.endpoints[0]?.pool.counts()).toEqual({ connecting: 0, open: 1, draining: 0 });
    expect(calling.endpoints[0]?.pool.inFlight).toBe(0);
  });

  it("of a wrong shape, or with headers that cannot be, rejects instead of throwing", async () => {
    const { users } = await callers([]);
    const wrong = users.getUserById({ userId: "u", $unknown: { toString: null } } as never, {
      headers: { "no header": "x" },
    });
    expect(await failure(wrong)).toBeInstanceOf(ConnectError);
  });

  it("says a token once and a number afterwards, and the handler sees it every time", async () => {
    const seen: (string | null)[] = [];
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: (_request, context) => {
          seen.push(context.requestHeader.get("authorization"));
          return {};
        },
      }),
    );
    const laneCounters = { lanes: 0, framesIn: 0, framesOut: 0, batchesIn: 0, batchesOut: 0, bytesIn: 0, bytesOut: 0 };
    const connection = await connected(peer.port, { laneCounters });
    const token = `Bearer ${"t".repeat(2000)}`;
    for (let round = 0; round < 5; round += 1) {
      await probe("u", { metadata: ["authorization", token] }).on(connection);
    }
    expect(seen).toEqual(Array(5).fill(token));
    expect(laneCounters.bytesOut).toBeLessThan(2 * token.length);
  });

  it("of a hundred tenants finds its own, though the table holds 64", async () => {
    const peer = await serve((router) =>
      router.service(UserService, {
        getUserById: ({ userId }, { requestHeader, responseTrailer }) => {
          responseTrailer.set("seen", requestHeader.get("tenant") ?? "");
          return { userId, username: requestHeader.get("tenant") ?? "" };
        },
      }),
    );
    const connection = await connected(peer.port);
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const call = probe("u", { metadata: ["tenant", `t${(index * 7) % 100}`] });
          expect(await call.on(connection)).toMatchObject({ username: `t${(index * 7) % 100}` });
          expect(call.trailers).toEqual(["seen", `t${(index * 7) % 100}`]);
        }),
      );
    }
  });
});
