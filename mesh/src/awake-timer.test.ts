import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { setAwakeTimer } from "./awake-timer.ts";
import { systemClock } from "./clock.ts";
import { FakeClock } from "./testing/fake-clock.ts";

describe("an awake timer", () => {
  test("calls back once, after its delay", async () => {
    const clock = new FakeClock();
    const firedAtMs: number[] = [];
    setAwakeTimer(clock, () => firedAtMs.push(clock.monotonicMs()), 2000);
    await clock.advance(10_000);
    expect(firedAtMs).toEqual([2000]);
  });

  test("can be cancelled at any time", async () => {
    const clock = new FakeClock();
    const fired: string[] = [];
    const timer = setAwakeTimer(clock, () => fired.push("late"), 2000);
    await clock.advance(1700);
    timer.cancel();
    await clock.advance(10_000);
    expect(fired).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("after a stall reads what has arrived before it gives up", async () => {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
    const [accepted] = await once(server, "connection");
    const seen: string[] = [];
    client.on("data", () => seen.push("the answer"));
    await new Promise<void>((resolve) => {
      setAwakeTimer(
        systemClock,
        () => {
          seen.push("gave up");
          resolve();
        },
        40,
      );
      accepted.write("x");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    });
    expect(seen).toEqual(["the answer", "gave up"]);
    client.destroy();
    server.close();
  });
});
