import { create } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { describe, expect, test } from "vitest";
import { overloadedError } from "../src/admission/overloaded-error.ts";
import { CallPath } from "../src/client/call-path.ts";
import { asConnectError } from "../src/client/client-error.ts";
import { Peer } from "../src/client/peer.ts";
import { retryDefaults } from "../src/client/retry.ts";
import { RetryBudget } from "../src/client/retry-budget.ts";
import { DeadlineWheel } from "../src/deadline-wheel.ts";
import { MeshError } from "../src/errors.ts";
import { Metrics } from "../src/metrics/metrics.ts";
import type { OutgoingCall } from "../src/pool/connection.ts";
import { ConnectionBudget } from "../src/pool/connection-budget.ts";
import { seededRandom } from "../src/random.ts";
import { staticInstance } from "../src/registry/static-instances.ts";
import { errorReason } from "../src/service-error.ts";
import { FakeClock } from "../src/testing/fake-clock.ts";
import { ScriptedConnection } from "../src/testing/scripted-connection.ts";

/*
 * Instances that refuse calls unprocessed, as an overloaded one does, and say when to come back. The method may not be
 * repeated once it has run.
 */
const clock = new FakeClock();
const refusal = (retryAfterMs: number) =>
  new MeshError("CALL_REFUSED", undefined, { cause: overloadedError(retryAfterMs, "event_loop") });

/** What each attempt meets, in order: a refusal with this hint, or an answer. */
function callers(instances: number, script: readonly (number | "answer")[]) {
  const sentAtMs: number[] = [];
  const startMs = clock.monotonicMs();
  class Connection extends ScriptedConnection {
    override send(call?: OutgoingCall): void {
      const step = script[sentAtMs.length] ?? "answer";
      sentAtMs.push(clock.monotonicMs() - startMs);
      queueMicrotask(() => {
        const nowMs = clock.monotonicMs();
        if (step === "answer") {
          call?.onAnswer(create(ProjectService.method.createProject.output), undefined, undefined, nowMs);
        } else {
          call?.onFailure(refusal(step), nowMs);
        }
      });
    }
  }
  const random = seededRandom(7);
  const peer = new Peer({
    ...{ name: "project-service", clock, random, budget: new ConnectionBudget(), zone: "" },
    connect: (_instance, id) => {
      const connection = new Connection(id);
      connection.open();
      return connection;
    },
  });
  peer.update(Array.from({ length: instances }, (_, index) => staticInstance(peer.name, "127.0.0.1", 1000 + index)));
  const attempts = { ok: 0, failed: 0, retried: 0, budgetExhausted: 0, hedged: 0 };
  const path = new CallPath({
    core: {
      ...{ peer, clock, random, wheel: new DeadlineWheel(clock), retry: retryDefaults },
      ...{ retryBudget: new RetryBudget(), attempts },
      asConnectError: (error, method) => asConnectError(error, peer.name, method),
    },
    metrics: new Metrics(),
  });
  return { projects: path.client(ProjectService), sentAtMs, attempts };
}

const failure = (promise: Promise<unknown>): Promise<ConnectError> =>
  promise.then(
    () => expect.fail("it was answered"),
    (error: unknown) => error as ConnectError,
  );

describe("a call that was refused unprocessed", () => {
  test("goes to another instance at once, whatever its method", async () => {
    const { projects, sentAtMs } = callers(2, [5000]);
    await clock.advance(1);
    await projects.createProject({ name: "p" });
    expect(sentAtMs).toEqual([1, 1]);
  });

  test("comes back when it was told to, once every instance has refused it", async () => {
    const { projects, sentAtMs, attempts } = callers(2, [400, 700]);
    await clock.advance(1);
    const answer = projects.createProject({ name: "p" });
    await clock.advance(699);
    expect(sentAtMs).toEqual([1, 1]);
    await clock.advance(1);
    await answer;
    expect(sentAtMs).toEqual([1, 1, 701]);
    expect(attempts).toMatchObject({ ok: 1, retried: 2, failed: 0 });
  });

  test("fails at once when it was told to come back after its deadline, and passes that on", async () => {
    const { projects, sentAtMs } = callers(1, [2000]);
    await clock.advance(1);
    const error = await failure(projects.createProject({ name: "p" }, { timeoutMs: 1500 }));
    expect([errorReason(error), error.metadata.get("retry-after-ms")]).toEqual(["MESH_CALL_REFUSED", "2000"]);
    expect(sentAtMs).toEqual([1]);
  });
});
