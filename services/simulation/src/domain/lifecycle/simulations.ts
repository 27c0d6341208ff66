import type { Change, PlannedChange, Results } from "@weft/simulator";
import { emptyFrame } from "./empty-frame.ts";
import { SimulationError } from "./errors.ts";
import { makeChange } from "./make-change.ts";
import { type MetricPoint, maxPoints, thinPoints } from "./metric-series.ts";
import type {
  Access,
  Caller,
  Control,
  Engine,
  FrameFeed,
  Page,
  ProjectReader,
  RunnableSimulation,
  Simulation,
  SimulationPermission,
  SimulationStore,
} from "./ports.ts";
import { requirePermission } from "./require-permission.ts";
import { type Command, hasEnded, isVisible, outcomeOf } from "./transitions.ts";

/**
 * The rules about simulations. A simulation belongs to a project: whoever may read the project may read its simulations,
 * editors and owners run them; whoever has no role there is told that there is none.
 *
 * Starting only writes the simulation down as PENDING; some instance takes it (runner.ts). Commands go to the instance
 * that runs it, wherever that is, and are answered when their effect can be seen. They are sent again until then: a
 * notice is lost with the connection that carried it, and an instance that is just taking a run does not hear it yet.
 */
export interface SimulationsOptions {
  readonly store: SimulationStore;
  readonly engine: Engine;
  readonly access: Access;
  readonly projects: ProjectReader;
  readonly control: Control;
  readonly feed: FrameFeed;
  readonly now: () => number;
  readonly newId: () => string;
  readonly newSeed: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** How long a command may take to show its effect; 5 s when absent. */
  readonly patienceMs?: number;
}

export interface StartOptions {
  readonly durationSeconds: number;
  readonly seed: number | undefined;
  readonly speed: number;
  readonly load: number;
  readonly changes?: readonly PlannedChange[];
}

/** A slice of the engine is milliseconds, a lost instance is forever. */
const defaultPatienceMs = 5000;
const commandPollMs = 25;
const commandRepeatMs = 1000;
/** A run holds one of few places while it lasts. */
const longestRunSeconds = 86_400;
export const mostUnfinished = 50;

export class Simulations {
  readonly #options: SimulationsOptions;

  constructor(options: SimulationsOptions) {
    this.#options = options;
  }

  async start(caller: Caller, projectId: string, given: StartOptions): Promise<Simulation> {
    await requirePermission(this.#options.access, caller, "simulation.run", projectId, () => unknownProject(projectId));
    const { store, engine, projects, control, now, newId, newSeed } = this.#options;
    if (given.speed > 0 && given.durationSeconds / given.speed > longestRunSeconds) {
      const hours = (given.durationSeconds / given.speed / 3600).toPrecision(3);
      throw invalid("speed", `makes the run last ${hours} hours; at most ${longestRunSeconds / 3600} are allowed`);
    }
    if ((await store.countUnfinished(caller.userId)) >= mostUnfinished) {
      throw new SimulationError(
        "too_many_unfinished",
        `you have ${mostUnfinished} simulations that have not ended, the most there can be; wait for one or stop it`,
      );
    }
    const project = await projects.read(projectId);
    if (project === undefined) {
      throw unknownProject(projectId);
    }
    const { load, durationSeconds, changes = [] } = given;
    engine.check(project.architecture, { load, durationSeconds, changes });
    const simulation: RunnableSimulation = {
      id: newId(),
      projectId,
      projectVersion: project.version,
      architecture: project.architecture,
      status: "PENDING",
      changes,
      liveChanges: [],
      durationSeconds,
      seed: given.seed ?? newSeed(),
      speed: given.speed,
      load,
      simulatedSeconds: 0,
      failureReason: "",
      createdBy: caller.userId,
      createdAtMs: now(),
      startedAtMs: undefined,
      finishedAtMs: undefined,
    };
    await store.create(simulation);
    await control.announcePending();
    return simulation;
  }

  async get(caller: Caller, id: string): Promise<Simulation> {
    return this.#open(caller, "simulation.read", id);
  }

  async list(
    caller: Caller,
    projectId: string,
    pageSize: number,
    after: string | undefined,
  ): Promise<Page<Simulation>> {
    await requirePermission(this.#options.access, caller, "simulation.read", projectId, () =>
      unknownProject(projectId),
    );
    return this.#options.store.list(projectId, pageSize, after);
  }

  async command(caller: Caller, id: string, command: Command, load?: number): Promise<Simulation> {
    const simulation = await this.#open(caller, "simulation.run", id);
    const outcome = outcomeOf(command, simulation.status);
    if (outcome === "refused") {
      throw wrongStatus(command, simulation);
    }
    if (outcome === "done") {
      return simulation;
    }
    if (command === "load" && load !== undefined) {
      await this.#setLoad(simulation, load);
    }
    const after = await this.#carryOut(id, command, load);
    if (command !== "stop" && hasEnded(after.status)) {
      throw wrongStatus(command, after);
    }
    return after;
  }

  /**
   * Changes a run that goes on; `atMs` is when that took effect, in simulated ms. Undefined: it is kept and has not yet. A load
   * is set as by its own command, so that a run has one load, whoever changes it.
   */
  async applyChange(
    caller: Caller,
    id: string,
    change: Change,
  ): Promise<{ simulation: Simulation; atMs: number | undefined }> {
    if (change.kind === "load") {
      return { simulation: await this.command(caller, id, "load", change.load), atMs: undefined };
    }
    const simulation = await this.#open(caller, "simulation.run", id);
    if (outcomeOf("apply", simulation.status) === "refused") {
      throw wrongStatus("apply", simulation);
    }
    const { store, engine, control, now, sleep } = this.#options;
    const { load, durationSeconds, simulatedSeconds } = simulation;
    const architecture = await store.architecture(id);
    if (architecture !== undefined) {
      const left = Math.max(0, durationSeconds - simulatedSeconds);
      engine.checkChange(architecture, change, { load, durationSeconds: left });
    }
    return makeChange(id, change, {
      store,
      control,
      now,
      sleep,
      find: (one) => this.#find(one),
      patienceMs: this.#options.patienceMs ?? defaultPatienceMs,
      pollMs: commandPollMs,
      repeatMs: commandRepeatMs,
    });
  }

  /** What an ended run showed. */
  async results(caller: Caller, id: string): Promise<{ simulation: Simulation; results: Results }> {
    const simulation = await this.#open(caller, "simulation.read", id);
    const results = hasEnded(simulation.status) ? await this.#options.store.results(id) : undefined;
    if (results === undefined) {
      throw new SimulationError(
        "not_finished",
        hasEnded(simulation.status)
          ? `the simulation ended as ${simulation.status} without results${simulation.failureReason === "" ? "" : `: ${simulation.failureReason}`}`
          : `the simulation is ${simulation.status}; results are there when it has ended`,
      );
    }
    return { simulation, results };
  }

  async metrics(caller: Caller, id: string, component: string, most: number): Promise<readonly MetricPoint[]> {
    await this.#open(caller, "simulation.read", id);
    const { store } = this.#options;
    if (component !== "") {
      const architecture = await store.architecture(id);
      if (architecture?.components.every((one) => one.id !== component)) {
        throw invalid("component", "is not a component of the simulated architecture");
      }
    }
    return thinPoints(await store.metrics(id, component), most === 0 ? maxPoints : most);
  }

  /** The load is kept before it is told: an instance that does not hear the command finds it there. */
  async #setLoad(simulation: Simulation, load: number): Promise<void> {
    const { store, engine } = this.#options;
    const { id, durationSeconds, simulatedSeconds } = simulation;
    const architecture = await store.architecture(id);
    if (architecture !== undefined) {
      engine.check(architecture, { load, durationSeconds: Math.max(0, durationSeconds - simulatedSeconds) });
    }
    if (!(await store.setLoad(id, load))) {
      throw wrongStatus("load", await this.#find(id));
    }
  }

  async #carryOut(id: string, command: Command, load: number | undefined): Promise<Simulation> {
    const { control, now, sleep, patienceMs = defaultPatienceMs } = this.#options;
    const untilMs = now() + patienceMs;
    for (;;) {
      if (command === "stop") {
        await this.#cancelPending(id);
      }
      await control.send({ id, command, ...(load === undefined ? {} : { load }) });
      const repeatAtMs = now() + commandRepeatMs;
      do {
        const simulation = await this.#find(id);
        if (isVisible(command, simulation.status)) {
          return simulation;
        }
        if (now() >= untilMs) {
          throw new SimulationError("unavailable", "the instance that runs the simulation does not answer; try again");
        }
        await sleep(commandPollMs);
      } while (now() < repeatAtMs);
    }
  }

  /** No instance runs it, so nobody else tells its viewers. */
  async #cancelPending(id: string): Promise<void> {
    const { store, feed, now } = this.#options;
    if (await store.cancelPending(id, now())) {
      const simulation = await this.#find(id);
      feed.publish(simulation, simulation.status, emptyFrame(simulation));
    }
  }

  async #open(caller: Caller, permission: SimulationPermission, id: string): Promise<Simulation> {
    const simulation = await this.#find(id);
    await requirePermission(this.#options.access, caller, permission, simulation.projectId, () =>
      unknownSimulation(id),
    );
    return simulation;
  }

  async #find(id: string): Promise<Simulation> {
    // PostgreSQL has no NUL in texts, and so no such id.
    const simulation = id.includes("\0") ? undefined : await this.#options.store.find(id);
    if (simulation === undefined) {
      throw unknownSimulation(id);
    }
    return simulation;
  }
}

const words: Record<Command, string> = {
  pause: "be paused",
  resume: "be resumed",
  stop: "be stopped",
  load: "have its load changed",
  apply: "be changed",
};

function wrongStatus(command: Command, { status }: Simulation): SimulationError {
  return new SimulationError("wrong_status", `a simulation that is ${status} cannot ${words[command]}`);
}

function invalid(field: string, description: string): SimulationError {
  return new SimulationError("invalid", `${field}: ${description}`, { fields: [{ field, description }] });
}

function unknownSimulation(id: string): SimulationError {
  return new SimulationError("simulation_unknown", `there is no simulation ${id}`);
}

function unknownProject(id: string): SimulationError {
  return new SimulationError("project_unknown", `there is no project ${id}`);
}
