import { until } from "@weft/mesh/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nameEverywhere, startCanary } from "./fuzz/canary.ts";
import { answersAboutOthers, headersThatAreTooLong } from "./fuzz/exposure.ts";
import { faultsOfForgeries } from "./fuzz/forged-tokens.ts";
import { assignments, changingMethods, faultsOfAssignment, ownedByServer } from "./fuzz/mass-assignment.ts";
import { faultsOfParameters, faultsOfPrototypes, methodsWithParameters } from "./fuzz/pollution.ts";
import {
  filesWrittenTo,
  heapsAfterCollection,
  inspectable,
  pollutedPrototypes,
  servicesOf,
  troubleInLogs,
} from "./fuzz/processes.ts";
import { runRequests } from "./fuzz/runner.ts";
import { fuzzSocket } from "./fuzz/sockets.ts";
import { createWorld, publicMethods, type World } from "./fuzz/world.ts";
import { rest, type System, signUp, startSystem } from "./system.ts";

/*
 * Hostile input at the whole system: every public method in every protocol, WebSockets, fields that belong to the server,
 * names of prototypes, parameters that are there twice, forged tokens, addresses to be called. A handful of cases for each
 * method in `npm test`; minutes of them, and what the processes remember of it, by `npm run test:fuzz`. WEFT_FUZZ_SEED
 * begins another run, WEFT_FUZZ_SECONDS says how long the long one is. What fails is told with its seed and case, made as
 * small as it gets.
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

/** With it the forger of tokens opens the key that signs them. */
const keySecret = "a secret of forty characters or so, known here";

/** What a process may keep of all this, be it seconds or minutes: caches and compiled code, not requests. */
const heapGrowth = { ratio: 1.5, bytes: 48 * 1024 * 1024 };

let system: System;
let world: World;
let pids: readonly number[];
let readyAtMs: number;
/** What the server says of the world before anybody tries to change it. */
let owned: Awaited<ReturnType<typeof ownedByServer>>;
let heapsBefore: Readonly<Record<string, number>>;

beforeAll(async () => {
  system = await startSystem({
    env: {
      WEFT_WS_FRAMES_PER_SECOND: "100000",
      WEFT_WS_CONNECTIONS_PER_USER: "1000",
      WEFT_AUTH_KEY_SECRET: keySecret,
      ...inspectable,
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
  heapsBefore = await heapsAfterCollection(system);
});
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
    "ASVS 15.3.3: to %s cannot set what belongs to the server",
    async (_, assignment) => {
      expect(await faultsOfAssignment(system, world, assignment)).toEqual([]);
      expect(await ownedByServer(system, world)).toEqual(owned);
    },
  );

  it(
    "ASVS 16.5.1: gets answers that can be shown, whatever the request",
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

  it("ASVS 15.3.6: reaches no prototype, whatever object its names are put into", async () => {
    const faults: string[] = [];
    for (const method of changingMethods) {
      faults.push(...(await faultsOfPrototypes(system, world, method)));
    }
    expect(faults).toEqual([]);
    expect(await pollutedPrototypes(system)).toEqual([]);
  });

  it("ASVS 15.3.7: is refused when a parameter is there twice, or beside what path and body say", async () => {
    const faults: string[] = [];
    for (const method of methodsWithParameters) {
      faults.push(...(await faultsOfParameters(system, world, method)));
    }
    expect(faults).toEqual([]);
  });

  it("ASVS 9.1.1, 9.1.2, 9.1.3, 9.2.1, 9.2.2, 9.2.3: by forged tokens is refused at every door", async () => {
    expect(await faultsOfForgeries(system, world, keySecret)).toEqual([]);
  });

  it("ASVS 1.3.6, 13.2.4, 13.2.5: makes nobody call an address that it names", async () => {
    const canary = await startCanary();
    expect(await nameEverywhere(system, world, canary.url)).toBeGreaterThan(100);
    await canary.close();
    expect(canary.calls).toBe(0);
  });

  it("ASVS 4.2.5: has no header that the services behind find too long", async () => {
    expect(await headersThatAreTooLong(system, world)).toEqual([]);
  });

  it("ASVS 8.2.3, 15.3.1: shows nothing of other users but what they are called", async () => {
    expect(await answersAboutOthers(system, world)).toEqual([]);
  });

  it.runIf(isFull)(
    "goes on for minutes",
    async () => {
      const findings: string[] = [];
      console.info("heaps before all of it", heapsBefore);
      for (const round of [1, 2, 3]) {
        const report = await runRequests(system, world, { seed: seed + round, concurrency, goesOn: enough(0, 0.2) });
        findings.push(...report.findings, ...(await runSockets(seed + round, enough(0, 0.06))));
        const heaps = await heapsAfterCollection(system);
        console.info(`seed ${seed + round}: ${report.sent} requests`, report.statuses, report.slow, heaps);
      }
      expect(findings).toEqual([]);
    },
    timeLimitMs,
  );

  it("is forgotten by the processes", async () => {
    for (const [service, bytes] of Object.entries(await heapsAfterCollection(system))) {
      const allowed = heapGrowth.ratio * (heapsBefore[service] ?? 0) + heapGrowth.bytes;
      expect({ service, bytes, isFlat: bytes < allowed }).toEqual({ service, bytes, isFlat: true });
    }
    expect(await pollutedPrototypes(system)).toEqual([]);
  });

  it("ASVS 16.2.2, 16.2.4, 16.4.1: leaves the processes as they were, and in their logs only records that are expected, in UTC", async () => {
    expect((await servicesOf(system)).map(({ pid }) => pid)).toEqual(pids);
    expect(await troubleInLogs(system, readyAtMs)).toEqual([]);
  });

  it("ASVS 16.2.3: leaves no process writing to a file: what they log goes to their standard output", async () => {
    expect(await filesWrittenTo(system)).toEqual([]);
  });

  it("keeps nobody from being served", async () => {
    expect((await rest(system, "GET", "/readyz")).status).toBe(200);
    const { accessToken: token } = await signUp(system);
    const made = await rest<{ id: string }>(system, "POST", "/api/projects", { token, body: { name: "honest" } });
    const path = `/api/projects/${made.body.id}`;
    expect((await rest<{ name: string }>(system, "GET", path, { token })).body.name).toBe("honest");
  });
});
