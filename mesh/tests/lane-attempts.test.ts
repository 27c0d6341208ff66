import { Code, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { describe, expect, it } from "vitest";
import { RetryBudget } from "../src/client/retry-budget.ts";
import { errorReason } from "../src/service-error.ts";
import { until } from "../src/testing/until.ts";
import { callers, failure, fakePeer, nextTurn, serve } from "./lane-fixture.ts";
import type { FakeLane } from "./raw-lane.ts";

/*
 * What becomes of a call when its first attempt does not: repeated elsewhere, sent twice, or final.
 */

/** A peer that says the same to every call, without having worked on it. */
async function refusing(code: Code, trailers: { name: string; value: string }[] = []) {
  let calls = 0;
  const peer = await fakePeer({
    onLane: (lane: FakeLane) => {
      lane.settings();
      lane.stream.on("data", () => {
        const fresh = lane.calls.slice(calls);
        calls += fresh.length;
        lane.send({
          answers: fresh.map(({ callId }) => ({ callId, code, errorMessage: "no", trailers, unprocessed: true })),
        });
      });
    },
  });
  return { port: peer.port, calls: () => calls };
}

const working =
  (onCall: () => void = () => undefined) =>
  (router: ConnectRouter) => {
    router.service(ProjectService, {
      createProject: ({ name }) => {
        onCall();
        return { project: { name } };
      },
    });
    router.service(UserService, {
      getUserById: ({ userId }) => {
        onCall();
        return { userId, username: "working" };
      },
    });
  };

const generous = (): RetryBudget => new RetryBudget({ perSecond: 100, savedSeconds: 100 });

describe("a call that was refused unprocessed", () => {
  it.each([Code.Unavailable, Code.ResourceExhausted])(
    "for want of room (%i) is made elsewhere, even when it must not be made twice",
    async (code) => {
      const full = await refusing(code);
      let created = 0;
      const { port } = await serve(working(() => (created += 1)));
      const { projects, attempts } = await callers([full.port, port], { retryBudget: generous() });
      for (let index = 0; index < 40 || full.calls() === 0; index += 1) {
        expect((await projects.createProject({ name: "p" })).project?.name).toBe("p");
      }
      expect(full.calls()).toBeGreaterThan(0);
      expect([attempts.retried, attempts.failed, created]).toEqual([full.calls(), 0, attempts.ok]);
    },
  );

  it.each([Code.PermissionDenied, Code.Unimplemented, Code.Unauthenticated, Code.InvalidArgument])(
    "for what it is (%i) is not made again",
    async (code) => {
      const strict = await refusing(code);
      const { users, attempts } = await callers([strict.port]);
      const error = await failure(users.getUserById({ userId: "u" }));
      expect([error.code, error.rawMessage, strict.calls(), attempts.retried]).toEqual([code, "no", 1, 0]);
    },
  );

  it("everywhere says when to come back", async () => {
    const full = await refusing(Code.Unavailable, [{ name: "retry-after-ms", value: "250" }]);
    const { projects } = await callers([full.port]);
    const error = await failure(projects.createProject({ name: "p" }));
    expect([error.code, errorReason(error), error.metadata.get("retry-after-ms")]).toEqual([
      Code.Unavailable,
      "MESH_OVERLOADED",
      "250",
    ]);
    expect(full.calls()).toBe(3);
  });

  it("is not made again without a budget", async () => {
    const full = await refusing(Code.Unavailable);
    const retryBudget = new RetryBudget({ perSecond: 0.001, savedSeconds: 0, ratio: 0 });
    const { users, attempts } = await callers([full.port], { retryBudget });
    await failure(users.getUserById({ userId: "u" }));
    expect([full.calls(), attempts.budgetExhausted]).toEqual([1, 1]);
  });
});

describe("a call that was lost", () => {
  it("with its lane is made elsewhere when its method allows, and not when it does not", async () => {
    const lost = await fakePeer({
      onLane: (lane) => {
        lane.settings();
        lane.stream.on("data", () => lane.end());
      },
    });
    const { port } = await serve(working());
    const { users, projects } = await callers([lost.port, port], { retryBudget: generous() });
    const outcomes = await Promise.allSettled([
      ...Array.from({ length: 10 }, () => users.getUserById({ userId: "u" })),
      ...Array.from({ length: 10 }, () => projects.createProject({ name: "p" })),
    ]);
    expect(outcomes.slice(0, 10).every(({ status }) => status === "fulfilled")).toBe(true);
    const failed = outcomes.slice(10).filter((outcome) => outcome.status === "rejected");
    expect(failed.length).toBeGreaterThan(0);
    for (const { reason } of failed) {
      expect(errorReason(reason)).toBe("MESH_CONNECTION_LOST");
    }
  });
});

describe("a call that takes unusually long", () => {
  /** One peer that never answers and one that does; the second copy of a call goes to the other one. */
  async function slowAndQuick(options: { quick?: (router: ConnectRouter) => void; minDelayMs?: number } = {}) {
    const contexts: HandlerContext[] = [];
    const answers: PromiseWithResolvers<void>[] = [];
    const hang = async (_request: unknown, context: HandlerContext): Promise<never> => {
      contexts.push(context);
      const gate = Promise.withResolvers<void>();
      answers.push(gate);
      await gate.promise;
      throw new Error("slow and wrong");
    };
    const slow = await serve((router) => {
      router.service(UserService, { getUserById: hang });
      router.service(ProjectService, { createProject: hang });
    });
    let quickCalls = 0;
    const quick = await serve(options.quick ?? working(() => (quickCalls += 1)));
    const fixture = await callers([slow.port, quick.port], {
      hedge: { minDelayMs: options.minDelayMs ?? 10, maxDelayMs: options.minDelayMs ?? 10 },
      retryBudget: generous(),
      defaultTimeoutMs: 20_000,
    });
    return { ...fixture, slow, quick, contexts, answers, quickCalls: () => quickCalls };
  }

  it("is sent to another instance too; the first answer counts, and the other copy is canceled on the wire", async () => {
    const { users, contexts, attempts, slow, peer } = await slowAndQuick();
    for (let index = 0; index < 100 && contexts.length === 0; index += 1) {
      expect((await users.getUserById({ userId: "u" })).username).toBe("working");
    }
    expect(attempts.hedged).toBe(1);
    await until("the loser is canceled", () => contexts.every(({ signal }) => signal.aborted));
    expect(contexts[0]?.signal.reason).toMatchObject({ code: Code.Canceled });
    expect([slow.inFlight, attempts.failed]).toEqual([0, 0]);
    await until("nothing is left", () => peer.endpoints.every(({ pool }) => pool.inFlight === 0));
  });

  it("is never sent twice when it must not be", async () => {
    const asked: string[] = [];
    const gate = Promise.withResolvers<void>();
    const hang = async (_request: unknown, { method }: HandlerContext): Promise<object> => {
      asked.push(method.name);
      await gate.promise;
      return {};
    };
    const hanging = (router: ConnectRouter): void => {
      router.service(UserService, { getUserById: hang });
      router.service(ProjectService, { createProject: hang });
    };
    const [one, other] = [await serve(hanging), await serve(hanging)];
    const { projects, users, attempts } = await callers([one.port, other.port], {
      hedge: { minDelayMs: 10, maxDelayMs: 10 },
      retryBudget: generous(),
      defaultTimeoutMs: 20_000,
    });
    const creating = projects.createProject({ name: "p" });
    await until("it has arrived", () => asked.length === 1);
    // A call that starts later and has been sent twice shows that the time for a copy is over.
    const reading = users.getUserById({ userId: "u" });
    await until("a copy has arrived", () => asked.length === 3);
    expect(asked.toSorted()).toEqual(["CreateProject", "GetUserById", "GetUserById"]);
    expect(attempts.hedged).toBe(1);
    gate.resolve();
    await Promise.all([creating, reading]);
    expect(asked).toHaveLength(3);
  });

  it("gets the copy's answer when the original fails meanwhile", async () => {
    const gate = Promise.withResolvers<void>();
    let copies = 0;
    const { users, contexts, answers, attempts } = await slowAndQuick({
      quick: (router) =>
        router.service(UserService, {
          getUserById: async ({ userId }) => {
            if (userId === "slow") {
              copies += 1;
              await gate.promise;
            }
            return { userId, username: "copy" };
          },
        }),
    });
    const outcomes: string[] = [];
    const call = (): Promise<unknown> =>
      users.getUserById({ userId: "slow" }).then(
        ({ username }) => outcomes.push(username),
        ({ rawMessage }) => outcomes.push(rawMessage as string),
      );
    const pending = [call()];
    while (contexts.length === 0) {
      pending.push(call());
      await nextTurn();
    }
    await until("a copy is on its way", () => attempts.hedged > 0 && copies > 0);
    await until("all have a copy or went to the quick one", () => copies === pending.length);
    for (const answer of answers) {
      answer.resolve();
    }
    await nextTurn();
    gate.resolve();
    await Promise.all(pending);
    expect(new Set(outcomes)).toEqual(new Set(["copy"]));
    expect(attempts.ok).toBe(pending.length);
  });

  it("fails with its own error when both copies fail", async () => {
    const { users, contexts, answers, attempts } = await slowAndQuick({
      quick: (router) =>
        router.service(UserService, {
          getUserById: () => {
            throw Object.assign(new Error("quick and wrong"));
          },
        }),
    });
    const outcomes: unknown[] = [];
    while (contexts.length === 0) {
      outcomes.push(users.getUserById({ userId: "u" }).catch((error: unknown) => error));
      await nextTurn();
    }
    await until("the copies have failed", () => attempts.hedged > 0 && attempts.failed >= attempts.hedged);
    for (const answer of answers) {
      answer.resolve();
    }
    for (const outcome of await Promise.all(outcomes)) {
      expect(outcome).toMatchObject({ code: Code.Internal });
    }
  });

  it("ends at its deadline with all its copies", async () => {
    const { users, contexts, slow, quick, peer } = await slowAndQuick({
      quick: (router) =>
        router.service(UserService, {
          getUserById: (_request, context) => {
            contexts.push(context);
            return new Promise(() => undefined);
          },
        }),
      minDelayMs: 5,
    });
    const error = await failure(users.getUserById({ userId: "u" }, { timeoutMs: 60 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    await until("both are told", () => contexts.length === 2 && contexts.every(({ signal }) => signal.aborted));
    expect(slow.inFlight + quick.inFlight).toBe(0);
    expect(peer.endpoints.map(({ pool }) => pool.inFlight)).toEqual([0, 0]);
  });

  it("is given up with all its copies", async () => {
    const { users, contexts, attempts } = await slowAndQuick({
      quick: (router) =>
        router.service(UserService, {
          getUserById: (_request, context) => {
            contexts.push(context);
            return new Promise(() => undefined);
          },
        }),
    });
    const leaving = new AbortController();
    const pending = failure(users.getUserById({ userId: "u" }, { signal: leaving.signal }));
    await until("both copies have arrived", () => contexts.length === 2);
    leaving.abort();
    expect((await pending).code).toBe(Code.Canceled);
    await until("both are told", () => contexts.every(({ signal }) => signal.aborted));
    expect(attempts.hedged).toBe(1);
  });
});

describe("a server that drains under load", () => {
  it("loses no call, whatever its method", async () => {
    let created = 0;
    const leaving = await serve(working(() => (created += 1)));
    const staying = await serve(working(() => (created += 1)));
    const { projects, peer, fallbacks } = await callers([leaving.port, staying.port], {
      peer: { scaler: { minConnections: 2, maxConnections: 2 } },
      retryBudget: generous(),
    });
    const calls: Promise<unknown>[] = [];
    let drained: Promise<void> | undefined;
    for (let index = 0; index < 600; index += 1) {
      calls.push(projects.createProject({ name: `p${index}` }));
      if (index === 200) {
        drained = leaving.drain();
      }
      if (index % 5 === 0) {
        await nextTurn();
      }
    }
    await expect(Promise.all(calls)).resolves.toHaveLength(600);
    await drained;
    expect(created).toBe(600);
    expect(fallbacks()).toBe(0);
    peer.drain();
  });
});
