import { Code, createClient, createRouterTransport } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "@weft/proto/grpc/health/v1/health_pb.ts";
import { describe, expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
import { HealthMonitor, healthRoutes } from "./health.ts";

type Checks = Record<string, () => Promise<unknown>>;

async function start(checks: Checks = {}) {
  const clock = new FakeClock();
  const monitor = new HealthMonitor({ clock, checks });
  const heard: string[] = [];
  monitor.onChange(({ status }) => void heard.push(status));
  const client = createClient(Health, createRouterTransport(healthRoutes(monitor, ["weft.auth.v1.AuthService"])));
  const started = monitor.start();
  await clock.advance(0);
  return { clock, monitor, heard, client, started };
}

describe("a health monitor", () => {
  test("is ready once started, and hears that it is", async () => {
    const { monitor, heard, started } = await start();
    await started;
    expect(monitor.report).toEqual({ status: "ready", checks: {} });
    expect(heard).toEqual(["ready"]);
  });

  test("is starting until its checks have run once", async () => {
    const { monitor, clock, started } = await start({ store: () => new Promise(() => undefined) });
    expect(monitor.report.status).toBe("starting");
    await clock.advance(1500);
    await started;
    expect(monitor.report).toMatchObject({
      status: "unready",
      checks: { store: { ok: false, error: "no answer within 1500 ms", durationMs: 1500 } },
    });
  });

  test("follows its checks on their beat and tells each change once", async () => {
    let broken = false;
    const { clock, heard, monitor } = await start({
      store: () => (broken ? Promise.reject(new Error("away")) : Promise.resolve()),
      other: () => Promise.resolve(),
    });
    broken = true;
    await clock.advance(10_000);
    expect(monitor.report.checks).toMatchObject({ store: { ok: false, error: "away" }, other: { ok: true } });
    broken = false;
    await clock.advance(10_000);
    expect(heard).toEqual(["ready", "unready", "ready"]);
  });

  test("survives a check that throws instead of rejecting, or rejects with no error", async () => {
    const { monitor, started } = await start({
      thrower: () => {
        throw new Error("a bug");
      },
      oddity: () => Promise.reject("odd"),
    });
    await started;
    expect(monitor.report.checks).toMatchObject({ thrower: { error: "a bug" }, oddity: { error: "odd" } });
  });

  test("goes on when one check hangs for ever", async () => {
    let runs = 0;
    const { clock } = await start({
      hanging: () => {
        runs += 1;
        return new Promise(() => undefined);
      },
    });
    await clock.advance(20_000);
    expect(runs).toBeGreaterThan(3);
  });

  test("stays draining whatever its checks say", async () => {
    const { monitor, clock, heard } = await start({ store: () => Promise.resolve() });
    monitor.drain();
    await clock.advance(10_000);
    expect(monitor.report.status).toBe("draining");
    expect(heard).toEqual(["ready", "draining"]);
  });

  test("keeps no timer once closed", async () => {
    const { monitor, clock, started } = await start({ store: () => Promise.resolve() });
    await started;
    monitor.close();
    await clock.advance(10_000);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("grpc.health.v1", () => {
  test("checks the server and each of its services", async () => {
    const { client, monitor } = await start();
    expect(await client.check({})).toMatchObject({ status: Serving.SERVING });
    expect(await client.check({ service: "weft.auth.v1.AuthService" })).toMatchObject({ status: Serving.SERVING });
    await expect(client.check({ service: "x" })).rejects.toMatchObject({ code: Code.NotFound });
    monitor.drain();
    expect(await client.check({})).toMatchObject({ status: Serving.NOT_SERVING });
  });

  test("lists them all", async () => {
    const { statuses } = await (await start()).client.list({});
    expect(Object.keys(statuses).sort()).toEqual(["", "weft.auth.v1.AuthService"]);
  });

  test("lets a watcher hear every change, also one while it was slow, and ends with the drain", async () => {
    let broken = false;
    const { client, clock, monitor } = await start({
      store: () => (broken ? Promise.reject(new Error("away")) : Promise.resolve()),
    });
    const messages = client.watch({})[Symbol.asyncIterator]();
    const next = async () => ((await messages.next()).value as { status: Serving } | undefined)?.status;
    expect(await next()).toBe(Serving.SERVING);
    broken = true;
    await clock.advance(2000);
    expect(await next()).toBe(Serving.NOT_SERVING);
    broken = false;
    await clock.advance(2000);
    expect(await next()).toBe(Serving.SERVING);
    monitor.drain();
    expect(await next()).toBe(Serving.NOT_SERVING);
    expect((await messages.next()).done).toBe(true);
  });

  test("tells a watcher of an unknown service that it is unknown", async () => {
    const { client } = await start();
    const first = await client.watch({ service: "x" })[Symbol.asyncIterator]().next();
    expect(first.value).toMatchObject({ status: Serving.SERVICE_UNKNOWN });
  });
});
