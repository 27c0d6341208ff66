import { openSync, writeSync } from "node:fs";
import { startService } from "../../src/index.ts";
import { type Fixture, fixtureRoutes } from "./fixture-routes.ts";

/*
 * An instance in a process of its own, so that it can be killed, stopped and drained. FIXTURE_LABEL names it;
 * FIXTURE_RUNS is a file to which every run of a call that may not be repeated is written at once, so that it is known
 * even after kill -9. Tells its parent when it is ready; a message { slowMs } makes it slow.
 */
const { FIXTURE_LABEL = "", FIXTURE_RUNS = "/dev/null" } = process.env;
const runs = openSync(FIXTURE_RUNS, "a");
const fixture: Fixture = {
  label: FIXTURE_LABEL,
  slowMs: 0,
  onRun: (callId) => void writeSync(runs, `${callId}\t${FIXTURE_LABEL}\n`),
};

await startService({
  name: "user-service",
  version: "1.0.0",
  basePort: 50_000,
  setup: () => ({ routes: fixtureRoutes(fixture) }),
});
process.on("message", ({ slowMs }: { slowMs: number }) => {
  fixture.slowMs = slowMs;
});
process.send?.("ready");
