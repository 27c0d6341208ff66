/** Which engine made the runs: its version, and the trace of one fixed run, which changes with anything it does. */
import manifest from "../package.json" with { type: "json" };
import { component, exponential, link, poisson, simulate } from "../src/scenario.ts";

export const engineVersion = manifest.version;

export function referenceTraceHash(): string {
  const architecture = {
    components: [
      component("client", "client"),
      component("first", "service", { concurrency: 4, serviceTime: exponential(10) }),
      component("second", "database", { serviceTime: exponential(5) }),
    ],
    links: [link("client", "first"), link("first", "second")],
    workloads: [poisson("client", 100)],
  };
  return simulate(architecture, { durationMs: 10_000 }).results().eventTraceHash;
}
