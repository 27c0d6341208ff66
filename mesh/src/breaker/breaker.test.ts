import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MeshError, type MeshErrorCode } from "../errors.ts";
import { Breaker, type BreakerState } from "./breaker.ts";

// opossum keeps time by itself, on the timers of the process.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const restMs = 2000;
const broken = (): Promise<never> => Promise.reject(new MeshError("CONNECTION_LOST"));
const fine = (): Promise<string> => Promise.resolve("fine");

function start(options = {}) {
  const transitions: BreakerState[] = [];
  const breaker = new Breaker({ minCalls: 4, restMs, onTransition: (to) => void transitions.push(to), ...options });
  const run = async (call: () => Promise<unknown>, times = 1): Promise<void> => {
    for (let time = 0; time < times; time += 1) {
      await breaker.run(call).catch(() => undefined);
    }
  };
  return { breaker, transitions, run };
}

describe("an admitting breaker", () => {
  test("passes answers and errors through as they are", async () => {
    const { breaker } = start();
    expect(await breaker.run(fine)).toBe("fine");
    const error = new ConnectError("no", Code.NotFound);
    await expect(breaker.run(() => Promise.reject(error))).rejects.toBe(error);
  });

  test("ejects once more than half of enough calls have failed", async () => {
    const { breaker, transitions, run } = start();
    await run(fine, 2);
    await run(broken, 2);
    expect(breaker.state).toBe("admitting");
    await run(broken);
    expect(breaker.state).toBe("ejected");
    expect(transitions).toEqual(["ejected"]);
  });

  test("waits for enough calls before it judges", async () => {
    const { breaker, run } = start();
    await run(broken, 3);
    expect(breaker.state).toBe("admitting");
  });

  test("forgets failures that are older than its window", async () => {
    const { breaker, run } = start({ windowMs: 1000 });
    await run(broken, 3);
    await vi.advanceTimersByTimeAsync(1200);
    await run(broken, 1);
    expect(breaker.state).toBe("admitting");
  });

  const verdicts: [error: Error, blames: boolean][] = [
    ...(["CONNECT_FAILED", "CONNECTION_LOST", "DEADLINE_EXCEEDED", "PROTOCOL_ERROR"] as MeshErrorCode[]).map(
      (code): [Error, boolean] => [new MeshError(code), true],
    ),
    ...(["CANCELED", "QUEUE_FULL", "CONNECTION_CEILING", "CALL_REFUSED", "MESSAGE_TOO_LARGE"] as MeshErrorCode[]).map(
      (code): [Error, boolean] => [new MeshError(code), false],
    ),
    ...[Code.Unknown, Code.Internal, Code.Unavailable, Code.DeadlineExceeded, Code.NotFound, Code.Canceled].map(
      (code): [Error, boolean] => [new ConnectError("an answer", code), false],
    ),
  ];
  test.each(verdicts)("%s blames the instance: %s", async (error, blames) => {
    const { breaker, run } = start();
    await run(() => Promise.reject(error), 8);
    expect(breaker.state).toBe(blames ? "ejected" : "admitting");
  });
});

describe("a deadline that passes", () => {
  const late = () => Promise.reject(new MeshError("DEADLINE_EXCEEDED"));

  test.each([
    { patienceMs: 3, state: "admitting" },
    { patienceMs: 999, state: "admitting" },
    { patienceMs: 1000, state: "ejected" },
  ])("after $patienceMs ms leaves the breaker $state", async ({ patienceMs, state }) => {
    const { breaker } = start();
    for (let call = 0; call < 8; call += 1) {
      await expect(breaker.run(late, patienceMs)).rejects.toMatchObject({
        meshCode: expect.stringMatching(/DEADLINE_EXCEEDED|NO_INSTANCE_AVAILABLE/),
      });
    }
    expect(breaker.state).toBe(state);
  });
});

describe("an ejected breaker", () => {
  async function ejected() {
    const parts = start();
    await parts.run(broken, 5);
    expect(parts.breaker.state).toBe("ejected");
    return parts;
  }

  test("runs no call, and says that it was not sent", async () => {
    const { breaker } = await ejected();
    expect(breaker.admits).toBe(false);
    await expect(breaker.run(() => expect.fail("the call was run"))).rejects.toMatchObject({
      meshCode: "NO_INSTANCE_AVAILABLE",
      sent: false,
      retryable: true,
    });
  });

  test("takes one call as a probe after its rest, and others go elsewhere meanwhile", async () => {
    const { breaker, transitions } = await ejected();
    await vi.advanceTimersByTimeAsync(restMs);
    expect(breaker.state).toBe("probing");
    expect(breaker.admits).toBe(true);
    const probe = Promise.withResolvers<string>();
    const probing = breaker.run(() => probe.promise);
    expect(breaker.admits).toBe(false);
    await expect(breaker.run(fine)).rejects.toMatchObject({ meshCode: "NO_INSTANCE_AVAILABLE" });
    probe.resolve("recovered");
    expect(await probing).toBe("recovered");
    expect(breaker.state).toBe("admitting");
    expect(transitions).toEqual(["ejected", "probing", "admitting"]);
  });

  test("rests again after a probe that failed", async () => {
    const { breaker, run } = await ejected();
    await vi.advanceTimersByTimeAsync(restMs);
    await run(broken);
    expect(breaker.state).toBe("ejected");
    await vi.advanceTimersByTimeAsync(restMs);
    expect(breaker.state).toBe("probing");
  });

  test("rests again after a probe whose caller gave up, since that shows no recovery", async () => {
    const { breaker, run } = await ejected();
    await vi.advanceTimersByTimeAsync(restMs);
    await run(() => Promise.reject(new MeshError("CANCELED")));
    expect(breaker.state).toBe("ejected");
  });

  test("takes an answer for a recovery even when it is a refusal", async () => {
    const { breaker, run } = await ejected();
    await vi.advanceTimersByTimeAsync(restMs);
    await run(() => Promise.reject(new ConnectError("no", Code.InvalidArgument)));
    expect(breaker.state).toBe("admitting");
  });
});

describe("a closed breaker", () => {
  test("keeps no timer", async () => {
    const { breaker, run } = start();
    await run(broken, 5);
    breaker.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
