/**
 * A run is a function of its model, seed and changes of load: the hash of its events is the same in slices of any size,
 * however often somebody looks, with lanes or without, in any thread, and for its neighbours' sake.
 */
import { compileModel } from "../../src/model.ts";
import { component, exponential, link, poisson, resultsOfComponent, simulate } from "../../src/scenario.ts";
import { Simulation, type SimulationOptions } from "../../src/simulation.ts";
import type { Observation, Property } from "../property.ts";
import { busyModel, runBusy } from "./busy-model.ts";

const run: SimulationOptions = { seed: 77, durationMs: 30_000, warmupMs: 2000 };

const hashes: Property = {
  id: "hash",
  what: "the same model, seed and changes give the same events",
  check: () => {
    const whole = runBusy(run, run.durationMs).results();
    const same = (name: string, simulation: Simulation): Observation => {
      const hash = simulation.results().eventTraceHash;
      const isSame = JSON.stringify(simulation.results()) === JSON.stringify(whole);
      return { name, holds: isSame, seen: `${hash}, ${isSame ? "and the same results" : "other results"}` };
    };
    return [
      { ...same("again", runBusy(run, run.durationMs)), fingerprint: whole.eventTraceHash },
      same("in slices of 100 ms", runBusy(run, 100)),
      same("in slices of 1 ms", runBusy(run, 1)),
      same("in slices of 333.3 ms with frames and results", runBusy(run, 333.3, looked)),
      same("without lanes", runBusy({ ...run, lanes: false }, run.durationMs)),
      other(whole.eventTraceHash),
    ];
  },
};

function looked(simulation: Simulation): void {
  simulation.frame();
  simulation.results();
  simulation.audit();
}

function other(hash: string): Observation {
  const otherHash = runBusy({ ...run, seed: 78 }, run.durationMs).results().eventTraceHash;
  return { name: "another seed, another run", holds: otherHash !== hash, seen: otherHash };
}

const eventLimits: Property = {
  id: "limits",
  what: "a limit of events per step changes nothing",
  check: () => {
    const whole = simulate(busyModel, run).results().eventTraceHash;
    return [1, 100, 9999].map((limit) => {
      const limited = new Simulation(compileModel(busyModel), run);
      let steps = 1;
      while (!limited.runUntil(run.durationMs, limit)) steps++;
      const hash = limited.results().eventTraceHash;
      return { name: `${limit} at a time`, holds: hash === whole, seen: `${hash} in ${steps} steps` };
    });
  },
};

const neighbours: Property = {
  id: "neighbours",
  what: "what is added beside a component leaves its luck alone",
  check: () => {
    const extended = {
      components: [component("other", "client"), component("extra", "service", { serviceTime: exponential(3) })].concat(
        busyModel.components,
      ),
      links: [link("other", "extra"), ...busyModel.links],
      workloads: [poisson("other", 200), ...busyModel.workloads],
    };
    const before = simulate(busyModel, run).results();
    const after = simulate(extended, run).results();
    const changed = busyModel.components.filter(
      ({ id }) => JSON.stringify(resultsOfComponent(before, id)) !== JSON.stringify(resultsOfComponent(after, id)),
    );
    const seen = `${changed.length} of ${busyModel.components.length} components differ`;
    return [{ name: "with a second system beside it", holds: changed.length === 0, seen }];
  },
};

export const repeatable: readonly Property[] = [hashes, eventLimits, neighbours];
