import { until } from "@weft/mesh/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assignments, faultsOfAssignment, ownedByServer } from "./fuzz/mass-assignment.ts";
import { heapsAfterCollection, inspectable, servicesOf, troubleInLogs } from "./fuzz/processes.ts";
import { runRequests } from "./fuzz/runner.ts";
import { fuzzSocket } from "./fuzz/sockets.ts";
import { createWorld, publicMethods, type World } from "./fuzz/world.ts";
import { rest, type System, signUp, startSystem } from "./system.ts";

/*
 * Hostile input at the whole system: every public method in every protocol, WebSockets, and fields that belong to the
 * server. A handful of cases for each method in `npm test`; minutes of them, and what the processes remember of it, by
 * `npm run test:fuzz`. WEFT_FUZZ_SEED begins another run, WEFT_FUZZ_SECONDS says how long the long one is. What fails is
 * told with its seed and case, made as small as it gets.
 */

const isFull = process.env.WEFT_FUZZ === "full";
const fullMs = Number(process.env.WEFT_FUZZ_SECONDS ?? 540) * 1000;
/** The short run is the same every time; a long one is worth another seed each time. */
const seed = Number(process.env.WEFT_FUZZ_SEED ?? (isFull ? Date.now() % 1_000_000_000 : 20_261_121));

/** Catches a hang. */
const timeLimitMs = (isFull ? fullMs : 0) + 300_000;
const casesPerMethod = 12;
const sockets = 60;
const concurrency = 8;

/** What a process may keep of minutes of this: caches and compiled code, not requests. */
const heapGrowth = { ratio: 1.5, bytes: 48 * 1024 * 1024 };

let system: System;
let world: World;
let pids: readonly number[];
let readyAtMs: number;
/** What the server says of the world before anybody tries to change it. */
let owned: Awaited<ReturnType<typeof ownedByServer>>;

beforeAll(async () => {
  system = await startSystem({
    env: {
      WEFT_WS_FRAMES_PER_SECOND: "100000",
      WEFT_WS_CONNECTIONS_PER_USER: "1000",
      ...(isFull ? inspectable : {}),
    },
  });
  world = await createWorld(system);
  // What it is called is true only then, and what the server says of it changes until then.
  await until("the finished simulation has finished", async () => {
    const path = `/api/simulations/${world.finished}`;
    const { body } = await rest<{ status: string }>(system, "GET", path, { token: world.owner.accessToken });
    return body.status === "COMPLETED";
  });
  readyAtMs = Date.now();
  owned = await ownedByServer(system, world);
  pids = (await servicesOf(system)).map(({ pid }) => pid);
}, 120_000);
afterAll(() => system?.stop());

const enough = (cases: number, shareOfTime: number): ((index: number) => boolean) => {
  const end = performance.now() + fullMs * shareOfTime;
  return (index) => (isFull ? performance.now() < end : index < cases);
};

async function runSockets(from: number, goesOn: (index: number) => boolean): Promise<string[]> {
  const faults: string[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (goesOn(next) && faults.length < 20) {
      const fault = await fuzzSocket(system.address, world, from, next++);
      faults.push(...(fault === undefined ? [] : [fault]));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return faults;
}

describe("hostile input", () => {
  it.each(assignments().map((assignment) => [assignment.method.name, assignment] as const))(
    "to %s cannot set what belongs to the server",
    async (_, assignment) => {
      expect(await faultsOfAssignment(system, world, assignment)).toEqual([]);
      expect(await ownedByServer(system, world)).toEqual(owned);
    },
  );

  it(
    "gets answers that can be shown, whatever the request",
    async () => {
      const report = await runRequests(system, world, {
        seed,
        concurrency,
        goesOn: enough(casesPerMethod * publicMethods.length, 0.1),
      });
      expect(report.findings).toEqual([]);
    },
    timeLimitMs,
  );

  it(
    "gets answers on a WebSocket that can be shown, or is told why not",
    async () => {
      expect(await runSockets(seed, enough(sockets, 0.1))).toEqual([]);
    },
    timeLimitMs,
  );

  it.runIf(isFull)(
    "is forgotten by the processes",
    async () => {
      const heaps = [await heapsAfterCollection(system)];
      const findings: string[] = [];
      for (const round of [1, 2, 3]) {
        const report = await runRequests(system, world, { seed: seed + round, concurrency, goesOn: enough(0, 0.2) });
        findings.push(...report.findings, ...(await runSockets(seed + round, enough(0, 0.06))));
        heaps.push(await heapsAfterCollection(system));
        console.info(`seed ${seed + round}: ${report.sent} requests`, report.statuses, report.slow, heaps.at(-1));
      }
      expect(findings).toEqual([]);
      const [before = {}, after = {}] = [heaps[0], heaps.at(-1)];
      for (const [service, bytes] of Object.entries(after)) {
        const allowed = heapGrowth.ratio * (before[service] ?? 0) + heapGrowth.bytes;
        expect({ service, bytes, isFlat: bytes < allowed }).toEqual({ service, bytes, isFlat: true });
      }
    },
    timeLimitMs,
  );

  it("leaves the processes as they were, and nothing in their logs that they did not expect", async () => {
    expect((await servicesOf(system)).map(({ pid }) => pid)).toEqual(pids);
    expect(await troubleInLogs(system, readyAtMs)).toEqual([]);
  });

  it("keeps nobody from being served", async () => {
    expect((await rest(system, "GET", "/readyz")).status).toBe(200);
    const { accessToken: token } = await signUp(system);
    const made = await rest<{ id: string }>(system, "POST", "/api/projects", { token, body: { name: "honest" } });
    const path = `/api/projects/${made.body.id}`;
    expect((await rest<{ name: string }>(system, "GET", path, { token })).body.name).toBe("honest");
  });
});
