import { Code, ConnectError, createClient, createRouterTransport, type ServiceImpl } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "@weft/proto/grpc/health/v1/health_pb.ts";
import { describe, expect, test } from "vitest";
import { type CallContext, currentCall } from "../call-context.ts";
import { createLogger } from "../logger.ts";
import { Metrics } from "../metrics/metrics.ts";
import { DatabaseUnavailableError } from "../postgres/postgres-error.ts";
import { seededRandom } from "../random.ts";
import { RedisAwayError } from "../redis/redis-error.ts";
import { errorReason } from "../service-error.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { ensureTracing } from "../tracing.ts";
import { codeName } from "./answer-error.ts";
import { observe } from "./observe.ts";

ensureTracing();

function serve(handlers: Partial<ServiceImpl<typeof Health>>) {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({
    service: "auth-service",
    instanceId: "a",
    version: "1",
    level: "debug",
    destination: { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  const metrics = new Metrics();
  const load = { inFlight: 0 };
  const clock = new FakeClock();
  const interceptors = [observe({ clock, random: seededRandom(1), logger, metrics, load })];
  const client = createClient(
    Health,
    createRouterTransport((router) => router.service(Health, handlers), { router: { interceptors } }),
  );
  const metric = async (line: string): Promise<string | undefined> =>
    (await metrics.render()).text
      .split("\n")
      .find((one) => one.startsWith(line))
      ?.slice(line.length + 1);
  return { client, lines, metric, clock, load };
}

const failing = (error: unknown) =>
  serve({
    check: () => {
      throw error;
    },
  });
const failure = (promise: Promise<unknown>): Promise<ConnectError> =>
  promise.then(
    () => expect.fail("it was answered"),
    (error: unknown) => error as ConnectError,
  );

describe("a call", () => {
  test("gives its handler the call's context", async () => {
    let seen: CallContext | undefined;
    const { client, clock } = serve({
      check: () => {
        seen = currentCall();
        return {};
      },
    });
    await client.check(
      {},
      { headers: { "x-correlation-id": "c-1", authorization: "Bearer t", "grpc-timeout": "250m" } },
    );
    expect(seen).toMatchObject({
      correlationId: "c-1",
      authorization: "Bearer t",
      method: "grpc.health.v1.Health/Check",
      deadlineMs: clock.monotonicMs() + 250,
    });
  });

  test.each([
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3000],
    ["4m", 4],
    ["5000u", 5],
    ["6000000n", 6],
    ["7", undefined],
    ["123456789m", undefined],
    ["-1S", undefined],
  ])("reads grpc-timeout %s as %s ms", async (text, expected) => {
    let deadlineMs: number | undefined;
    const { client } = serve({
      check: () => {
        deadlineMs = currentCall()?.deadlineMs;
        return {};
      },
    });
    await client.check({}, { headers: { "grpc-timeout": text } });
    expect(deadlineMs).toBe(expected);
  });

  test("carries its correlation id in the answer and in every line of its log", async () => {
    const { client, lines } = serve({ check: () => ({}) });
    let answered: string | null = null;
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await client.check(
      {},
      {
        headers: { "x-correlation-id": "c-1", traceparent: trace },
        onHeader: (header) => (answered = header.get("x-correlation-id")),
      },
    );
    expect(answered).toBe("c-1");
    expect(lines).toMatchObject([{ correlationId: "c-1", traceId: "0af7651916cd43dd8448eb211c80319c", code: "ok" }]);
  });

  test("gets a correlation id of its own when the one it brings does not belong into a log", async () => {
    const { client } = serve({ check: () => ({}) });
    for (const bad of ["a b", "x".repeat(129), "{}", ""]) {
      let answered: string | null = null;
      await client.check(
        {},
        { headers: { "x-correlation-id": bad }, onHeader: (header) => (answered = header.get("x-correlation-id")) },
      );
      expect(answered).toMatch(/^[0-9a-f]{32}$/);
    }
  });

  test("is counted with its code, timed, and no longer in flight", async () => {
    const { client, metric, load } = failing(new ConnectError("no", Code.NotFound));
    await failure(client.check({}));
    await failure(client.check({}));
    expect(await metric('weft_server_calls_total{code="not_found",method="grpc.health.v1.Health/Check"}')).toBe("2");
    expect(await metric('weft_server_call_duration_seconds_count{method="grpc.health.v1.Health/Check"}')).toBe("2");
    expect(load.inFlight).toBe(0);
  });
});

describe("an error", () => {
  test("made for callers passes, with the correlation id", async () => {
    const error = await failure(
      failing(new ConnectError("no such user", Code.NotFound)).client.check(
        {},
        { headers: { "x-correlation-id": "c" } },
      ),
    );
    expect(error).toMatchObject({ code: Code.NotFound, rawMessage: "no such user" });
    expect(error.metadata.get("x-correlation-id")).toBe("c");
  });

  test("of a peer passes with its code and its advice, but not with its headers", async () => {
    const relayed = new ConnectError("busy", Code.Unavailable, { "retry-after-ms": "50", "x-inner": "10.0.0.7" });
    (relayed as { isWireError?: boolean }).isWireError = true;
    const error = await failure(failing(relayed).client.check({}));
    expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: "busy" });
    expect([error.metadata.get("retry-after-ms"), error.metadata.get("x-inner")]).toEqual(["50", null]);
    expect(error.metadata.get("x-correlation-id")).not.toBeNull();
  });

  test.each([new Error("password of db1 is hunter2"), "hunter2", undefined, new TypeError("hunter2")])(
    "that nobody meant for the caller leaves as Internal without detail, and is logged with its cause: %s",
    async (thrown) => {
      const { client, lines } = failing(thrown);
      const error = await failure(client.check({}));
      expect(error).toMatchObject({ code: Code.Internal, rawMessage: "internal error", details: [] });
      expect(lines).toContainEqual(
        expect.objectContaining({ level: "error", message: "call failed", code: "internal" }),
      );
    },
  );

  test.each([
    ["DATABASE_UNAVAILABLE", new DatabaseUnavailableError("unreachable", new Error("db1 refused"))],
    ["REDIS_UNAVAILABLE", new RedisAwayError(new Error("redis1 refused"))],
  ])("of a store that is away says %s and when to come back, and names no host", async (reason, thrown) => {
    const error = await failure(failing(thrown).client.check({}));
    expect(error.code).toBe(Code.Unavailable);
    expect(errorReason(error)).toBe(reason);
    expect(error.metadata.get("retry-after-ms")).toBe("1000");
    expect(error.rawMessage).not.toMatch(/db1|redis1/);
  });
});

describe("a stream", () => {
  test("runs its handler in the call's context, to its last message", async () => {
    const seen: (string | undefined)[] = [];
    const { client, metric, load } = serve({
      async *watch() {
        seen.push(currentCall()?.correlationId);
        yield { status: Serving.SERVING };
        await Promise.resolve();
        seen.push(currentCall()?.correlationId);
        expect(load.inFlight).toBe(1);
        yield { status: Serving.NOT_SERVING };
      },
    });
    const statuses: Serving[] = [];
    for await (const { status } of client.watch({}, { headers: { "x-correlation-id": "c-2" } })) {
      statuses.push(status);
    }
    expect(statuses).toEqual([Serving.SERVING, Serving.NOT_SERVING]);
    expect(seen).toEqual(["c-2", "c-2"]);
    expect(await metric('weft_server_calls_total{code="ok",method="grpc.health.v1.Health/Watch"}')).toBe("1");
    expect(load.inFlight).toBe(0);
  });

  test("ASVS 16.5.4: that fails on the way leaves as Internal without detail, and is in the log", async () => {
    const { client, metric, lines } = serve({
      async *watch() {
        yield { status: Serving.SERVING };
        await Promise.reject(new Error("hunter2"));
      },
    });
    const messages = client.watch({})[Symbol.asyncIterator]();
    await messages.next();
    expect(await failure(messages.next())).toMatchObject({ code: Code.Internal, rawMessage: "internal error" });
    expect(await metric('weft_server_calls_total{code="internal",method="grpc.health.v1.Health/Watch"}')).toBe("1");
    expect(lines).toContainEqual(expect.objectContaining({ level: "error", message: "call failed" }));
  });
});

describe("codeName", () => {
  test.each([
    [Code.InvalidArgument, "invalid_argument"],
    [Code.Unavailable, "unavailable"],
    [Code.DataLoss, "data_loss"],
    [99 as Code, "unknown"],
  ])("spells %i as Connect does", (code, name) => {
    expect(codeName(code)).toBe(name);
  });
});

test("ASVS 16.2.5: the logger hides secrets at the top of a line and one level below", () => {
  const lines: string[] = [];
  const logger = createLogger({
    service: "s",
    instanceId: "i",
    version: "1",
    level: "info",
    destination: { write: (line) => void lines.push(line) },
  });
  logger.info({ password: "hunter2", request: { authorization: "Bearer hunter2", token: "hunter2" } }, "x");
  expect(lines.join("")).not.toContain("hunter2");
});
