import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { MeshError } from "../src/errors.ts";
import { findPortHolder } from "../src/server/port-holder.ts";
import {
  type Listener,
  openPorts,
  type PortPlan,
  portBlock,
  serverListener,
  standardPorts,
} from "../src/server/ports.ts";

const host = "127.0.0.1";
const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => serverListener(server).close()));
});

function server(): Server {
  const made = createServer();
  servers.push(made);
  return made;
}

async function take(port: number): Promise<number> {
  return serverListener(server()).listen(port, host);
}

/** The base of twenty ports of which none is taken now. */
async function freeRange(): Promise<number> {
  for (;;) {
    const base = await take(0);
    await serverListener(servers.pop() as Server).close();
    if (base > 65_000) {
      continue;
    }
    const taken: Server[] = [];
    const all = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const one = createServer();
        taken.push(one);
        return serverListener(one)
          .listen(base + index, host)
          .then(
            () => true,
            () => false,
          );
      }),
    );
    await Promise.all(taken.map((one) => serverListener(one).close()));
    if (all.every(Boolean)) {
      return base;
    }
  }
}

const plan: PortPlan = { basePort: 9000, portOffset: 0, offsets: standardPorts, portsPerInstance: 4, overrides: {} };
const listeners = (): Record<string, Listener> =>
  Object.fromEntries(["grpc", "http", "metrics", "health"].map((name) => [name, serverListener(server())]));
const refusal = (promise: Promise<unknown>): Promise<MeshError> =>
  promise.then(
    () => expect.fail("the ports were opened"),
    (error: unknown) => error as MeshError,
  );

describe("portBlock", () => {
  test.each<[what: string, deviation: Partial<PortPlan>, index: number, expected: Record<string, number>]>([
    ["the first instance at the base", {}, 0, { grpc: 9000, http: 9001, metrics: 9002, health: 9003 }],
    ["the last of five instances", {}, 4, { grpc: 9016, http: 9017, metrics: 9018, health: 9019 }],
    [
      "everything shifted by the offset",
      { portOffset: 20_000 },
      1,
      { grpc: 29_004, http: 29_005, metrics: 29_006, health: 29_007 },
    ],
    [
      "what is overridden, in every block",
      { overrides: { http: 80, health: 0 } },
      2,
      { grpc: 9008, http: 80, metrics: 9010, health: 0 },
    ],
    ["further named ports", { offsets: { grpc: 0, lanes: 4 }, portsPerInstance: 5 }, 3, { grpc: 9015, lanes: 9019 }],
  ])("gives %s", (_what, deviation, index, expected) => {
    expect(portBlock({ ...plan, ...deviation }, index)).toEqual(expected);
  });

  test("refuses an instance beyond the range", () => {
    expect(() => portBlock(plan, 5)).toThrow("instance 5: the range of 20 ports holds instances 0 to 4");
  });

  test("refuses an offset that leaves the ports there are", () => {
    expect(() => portBlock({ ...plan, basePort: 40_000, portOffset: 30_000 }, 0)).toThrow(
      "WEFT_PORT_OFFSET is 30000, which moves port 70000 beyond 65535",
    );
  });
});

describe("openPorts", () => {
  test("opens the first block of the range that is wholly free, and nothing of those before", async () => {
    const base = await freeRange();
    await take(base + 2);
    const opened = await openPorts({ ...plan, basePort: base }, undefined, listeners(), host);
    expect(opened).toEqual({
      index: 1,
      ports: { grpc: base + 4, http: base + 5, metrics: base + 6, health: base + 7 },
    });
    expect(await take(base)).toBe(base);
    expect(await take(base + 1)).toBe(base + 1);
  });

  test("opens the block that was asked for or none, naming port, holder and a way out", async () => {
    const base = await freeRange();
    await take(base + 6);
    const error = await refusal(openPorts({ ...plan, basePort: base }, 1, listeners(), host));
    expect(error.meshCode).toBe("PORT_TAKEN");
    expect(error.message).toContain(`metrics port ${base + 6} on 127.0.0.1 is held by process ${process.pid} (`);
    expect(error.message).toContain("stop it, or set WEFT_PORT_OFFSET to run beside it");
    expect(error.message).not.toContain("every block");
    expect(await take(base + 4)).toBe(base + 4);
  });

  test("says so when every block is taken", async () => {
    const base = await freeRange();
    for (let index = 0; index < 5; index += 1) {
      await take(base + 4 * index);
    }
    const error = await refusal(openPorts({ ...plan, basePort: base }, undefined, listeners(), host));
    expect(error.message).toContain(`every block of the range from ${base} is taken; the last: grpc port ${base + 16}`);
  });

  test("names the variable when it is an overridden port that is taken", async () => {
    const base = await freeRange();
    const taken = await take(0);
    const error = await refusal(
      openPorts({ ...plan, basePort: base, overrides: { http: taken } }, undefined, listeners(), host),
    );
    expect(error.message).toContain(`http port ${taken} on 127.0.0.1 is held by`);
    expect(error.message).toContain("give HTTP_PORT another value");
    expect(error.message).not.toContain("every block");
  });

  test("gives the port that an override of 0 led to", async () => {
    const overrides = { grpc: 0, http: 0, metrics: 0, health: 0 };
    const { ports } = await openPorts({ ...plan, overrides }, 0, listeners(), host);
    expect(new Set(Object.values(ports)).size).toBe(4);
    expect(Object.values(ports).every((port) => port > 0)).toBe(true);
  });

  test("passes on why an address cannot be opened at all", async () => {
    const error = await refusal(openPorts({ ...plan, overrides: { grpc: 0 } }, 0, listeners(), "192.0.2.1"));
    expect(error.message).toContain("grpc port 0 on 192.0.2.1 could not be opened (listen EADDRNOTAVAIL");
  });
});

describe("findPortHolder", () => {
  test("names the process that listens", async () => {
    const holder = await findPortHolder(await take(0));
    expect(holder?.pid).toBe(process.pid);
    expect(holder?.command.length).toBeGreaterThan(0);
    expect(holder?.command.length).toBeLessThanOrEqual(120);
  });

  test("finds nobody at a port that nobody holds", async () => {
    const port = await take(0);
    await serverListener(servers.pop() as Server).close();
    expect(await findPortHolder(port)).toBeUndefined();
  });
});
