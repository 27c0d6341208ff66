import { SimulationError } from "../lifecycle/errors.ts";
import type { Access, Caller, Control, Page, SimulationPermission } from "../lifecycle/ports.ts";
import { requirePermission } from "../lifecycle/require-permission.ts";
import type { NamedProjectReader, StudyEngine, StudyStore } from "./ports.ts";
import { hasEnded, type RunnableStudy, type Study, type StudySpec, type StudySubject } from "./study.ts";

/**
 * The rules about studies. A study belongs to a project, as a simulation does: whoever may read the project may read its
 * studies, editors and owners start and cancel them; whoever has no role there is told that there is none.
 *
 * Starting copies the architecture and writes the study down as PENDING; some instance takes it (study-runner.ts).
 * Cancelling goes to that instance as a notice, again until its effect shows, since a notice is lost with its connection.
 */
export interface StudiesOptions {
  readonly store: StudyStore;
  readonly engine: Pick<StudyEngine, "check">;
  readonly access: Pick<Access, "check">;
  readonly projects: NamedProjectReader;
  readonly control: Control;
  readonly now: () => number;
  readonly newId: () => string;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Ending threads takes milliseconds; a lost instance is forever. */
const cancelPatienceMs = 5000;
const cancelPollMs = 25;
const cancelRepeatMs = 1000;
/** A study takes all the threads that there are for studies, for minutes. */
export const mostUnfinishedStudies = 10;

export class Studies {
  readonly #options: StudiesOptions;

  constructor(options: StudiesOptions) {
    this.#options = options;
  }

  async start(caller: Caller, projectId: string, spec: StudySpec): Promise<Study> {
    await requirePermission(this.#options.access, caller, "simulation.run", projectId, () => unknownProject(projectId));
    const { store, engine, projects, control, now, newId } = this.#options;
    if ((await store.countUnfinished(caller.userId)) >= mostUnfinishedStudies) {
      throw new SimulationError(
        "too_many_unfinished",
        `you have ${mostUnfinishedStudies} studies that have not ended, the most there can be; wait for one or cancel it`,
      );
    }
    const project = await projects.read(projectId);
    if (project === undefined) {
      throw unknownProject(projectId);
    }
    const { name, version, architecture } = project;
    const other = await this.#otherOf(spec);
    const task = { spec, subject: { name, architecture }, ...(other === undefined ? {} : { other }) };
    await engine.check(task);
    const study: RunnableStudy = {
      id: newId(),
      projectId,
      projectVersion: version,
      question: spec.question.kind,
      task,
      status: "PENDING",
      progress: 0,
      phase: "",
      failureReason: "",
      createdBy: caller.userId,
      createdAtMs: now(),
      startedAtMs: undefined,
      finishedAtMs: undefined,
    };
    await store.create(study);
    await control.announcePending();
    return study;
  }

  async get(caller: Caller, id: string): Promise<Study> {
    return this.#open(caller, "simulation.read", id);
  }

  async list(caller: Caller, projectId: string, pageSize: number, after: string | undefined): Promise<Page<Study>> {
    await requirePermission(this.#options.access, caller, "simulation.read", projectId, () =>
      unknownProject(projectId),
    );
    return this.#options.store.list(projectId, pageSize, after);
  }

  /** The study when it has ended, by this or before it. */
  async cancel(caller: Caller, id: string): Promise<Study> {
    let study = await this.#open(caller, "simulation.run", id);
    const { store, control, now, sleep } = this.#options;
    const untilMs = now() + cancelPatienceMs;
    let repeatAtMs = now();
    while (!hasEnded(study.status)) {
      if (now() >= repeatAtMs) {
        await store.cancelPending(id, now());
        await control.send({ id, command: "stop" });
        repeatAtMs = now() + cancelRepeatMs;
      }
      study = await this.#find(id);
      if (!hasEnded(study.status)) {
        if (now() >= untilMs) {
          throw new SimulationError("unavailable", "the instance that runs the study does not answer; try again");
        }
        await sleep(cancelPollMs);
      }
    }
    return study;
  }

  /** JSON. */
  async result(caller: Caller, id: string): Promise<string> {
    const study = await this.#open(caller, "simulation.read", id);
    const result = await this.#options.store.result(id);
    if (result === undefined) {
      throw notThere(study, "result");
    }
    return result;
  }

  /** HTML. */
  async report(caller: Caller, id: string): Promise<string> {
    const study = await this.#open(caller, "simulation.read", id);
    const report = await this.#options.store.report(id);
    if (report === undefined) {
      throw notThere(study, "report");
    }
    return report;
  }

  async #otherOf({ question }: StudySpec): Promise<StudySubject | undefined> {
    if (question.kind !== "compare" || question.otherProjectId === "") {
      return undefined;
    }
    const project = await this.#options.projects.read(question.otherProjectId);
    if (project === undefined) {
      throw unknownProject(question.otherProjectId);
    }
    return { name: project.name, architecture: project.architecture };
  }

  async #open(caller: Caller, permission: SimulationPermission, id: string): Promise<Study> {
    const study = await this.#find(id);
    await requirePermission(this.#options.access, caller, permission, study.projectId, () => unknownStudy(id));
    return study;
  }

  async #find(id: string): Promise<Study> {
    // PostgreSQL has no NUL in texts, and so no such id.
    const study = id.includes("\0") ? undefined : await this.#options.store.find(id);
    if (study === undefined) {
      throw unknownStudy(id);
    }
    return study;
  }
}

function notThere({ status, failureReason, question }: Study, what: "result" | "report"): SimulationError {
  const why =
    status === "COMPLETED"
      ? `a study of the kind "${question}" has no ${what}`
      : hasEnded(status)
        ? `the study ended as ${status} without a ${what}${failureReason === "" ? "" : `: ${failureReason}`}`
        : `the study is ${status}; its ${what} is there when it is COMPLETED`;
  return new SimulationError("not_finished", why);
}

function unknownStudy(id: string): SimulationError {
  return new SimulationError("study_unknown", `there is no study ${id}`);
}

function unknownProject(id: string): SimulationError {
  return new SimulationError("project_unknown", `there is no project ${id}`);
}
