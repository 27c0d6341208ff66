import { type Database, openDatabase } from "@weft/mesh";
import { silentLogger, until } from "@weft/mesh/testing";
import { startTestPostgres, type TestPostgres } from "@weft/mesh/testing/stores";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NotifyControl, openNotifyControl } from "../src/adapters/notify-control.ts";
import type { ControlMessage } from "../src/domain/lifecycle/ports.ts";

interface Instance {
  readonly database: Database;
  readonly control: NotifyControl;
  readonly heard: ControlMessage[];
  pending: number;
}

let postgres: TestPostgres;
let instances: Instance[];

beforeAll(async () => {
  postgres = await startTestPostgres();
  const connectionString = await postgres.createDatabase("simulations");
  instances = [];
  for (let n = 0; n < 2; n++) {
    const database = await openDatabase({
      connectionString,
      schema: "simulation_schema",
      applicationName: `simulation-test-${n}`,
      logger: silentLogger,
    });
    const control = await openNotifyControl(database, silentLogger);
    const instance: Instance = { database, control, heard: [], pending: 0 };
    control.onCommand((message) => instance.heard.push(message));
    control.onPending(() => {
      instance.pending += 1;
    });
    instances.push(instance);
  }
});
afterAll(async () => {
  for (const { control, database } of instances ?? []) {
    await control.close();
    await database.close();
  }
  await postgres?.close();
});

const [first, second] = [() => instances[0] as Instance, () => instances[1] as Instance];

describe("openNotifyControl", () => {
  it("carries commands to every instance, the sender included, in order", async () => {
    const messages: ControlMessage[] = [
      { id: "s1", command: "pause" },
      { id: "s1", command: "load", load: 0 },
      { id: "s2", command: "stop" },
      { id: "s2", command: "apply" },
    ];
    for (const message of messages) await first().control.send(message);
    await until("both heard all", () => instances.every(({ heard }) => heard.length === 4));
    expect(instances.map(({ heard }) => heard)).toEqual([messages, messages]);
  });

  it("announces that something is pending", async () => {
    await second().control.announcePending();
    await until("both know", () => instances.every(({ pending }) => pending === 1));
  });

  it.each(["{", '{"id":1,"command":"stop"}', '{"id":"s1","command":"explode"}', "nonsense", ""])(
    "takes what it cannot read as a reason to look, not as a command: %j",
    async (payload) => {
      const before = instances.map(({ heard, pending }) => [heard.length, pending] as const);
      await first().database.query("select pg_notify('simulation_control', $1)", [payload]);
      await until("both looked", () => instances.every(({ pending }, n) => pending === (before[n]?.[1] ?? 0) + 1));
      expect(instances.map(({ heard }) => heard.length)).toEqual(before.map(([heard]) => heard));
    },
  );

  it("looks for what it missed after PostgreSQL was restarted, and hears commands again", async () => {
    const before = instances.map(({ pending }) => pending);
    const heard = instances.map((instance) => instance.heard.length);
    await postgres.stop();
    await postgres.start();
    await until("both looked", () => instances.every(({ pending }, n) => pending > (before[n] ?? 0)));
    await until("a command can be sent", () =>
      first()
        .control.send({ id: "s1", command: "resume" })
        .then(
          () => true,
          () => false,
        ),
    );
    await until("both heard it", () => instances.every((instance, n) => instance.heard.length > (heard[n] ?? 0)));
    expect(instances.map((instance) => instance.heard.at(-1))).toEqual(Array(2).fill({ id: "s1", command: "resume" }));
  });
});
