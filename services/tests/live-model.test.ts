import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Account, rest, type System, signUp, startSystem } from "./system.ts";
import { traffic } from "./traffic.ts";

/*
 * Weft observes Weft: the running system is modelled from its own metrics while it is used, simulated, and compared with
 * what it did. How near the figures are is the machine's business; that they are of the right services, and rates and
 * the model right, is checked.
 */
interface Figure {
  readonly service: string;
  readonly figure: string;
  readonly measured: number;
  readonly simulated: { readonly value: number; readonly low: number; readonly high: number };
}

let system: System;
let account: Account;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "weft-live-model-"));
  system = await startSystem();
  account = await signUp(system);
});

afterAll(async () => {
  await system?.stop();
  await rm(directory, { recursive: true, force: true });
});

describe("weft sim live", () => {
  test("shows prediction beside reality for every service that was called, and writes a model that runs", async () => {
    const file = join(directory, "mesh.json");
    const ask = () => rest(system, "GET", "/api/projects", { token: account.accessToken });
    const load = traffic(ask, { concurrency: 2, pauseMs: 20 });
    const live = await system.weft("sim", "live", "--for", "6s", "--json", "--output", file);
    await load.stop();
    expect(live.stderr).toContain("watching for 6s");
    expect(live.code).toBe(0);
    const { figures, assumptions } = JSON.parse(live.stdout) as { figures: Figure[]; assumptions: string[] };
    const rateOf = (service: string) => figures.find((one) => one.service === service && one.figure === "calls/s");
    for (const service of ["gateway-service", "project-service"]) {
      const rate = rateOf(service) as Figure;
      expect(rate.measured).toBeGreaterThan(5);
      expect(rate.simulated.value / rate.measured).toBeGreaterThan(0.7);
      expect(rate.simulated.value / rate.measured).toBeLessThan(1.4);
    }
    expect(
      figures.every(({ simulated }) => simulated.low <= simulated.value && simulated.value <= simulated.high),
    ).toBe(true);
    expect(assumptions.join()).toContain("Poisson");
    expect(JSON.parse(await readFile(file, "utf8")).components.length).toBeGreaterThan(2);
    const again = await system.weft("sim", "run", file, "--duration", "5s", "--replications", "2", "--load", "2");
    expect(again.code, again.stderr).toBe(0);
  });

  test("says what to do when nobody calls anybody, and when nobody is there", async () => {
    const nobody = await system.weft("sim", "live", "--for", "1s");
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining("--for")]);
  });
});
