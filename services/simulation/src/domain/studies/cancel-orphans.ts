import type { Access } from "../lifecycle/ports.ts";
import type { StudyStore } from "./ports.ts";

/** Cancels the studies of projects on which nobody has a role any more, as `stopOrphans` stops their simulations. */
export async function cancelOrphans(options: {
  readonly store: Pick<StudyStore, "unfinishedProjects" | "cancelOfProject">;
  readonly access: Pick<Access, "anybodyOn">;
  readonly now: () => number;
}): Promise<void> {
  const { store, access, now } = options;
  for (const projectId of await store.unfinishedProjects()) {
    if (!(await access.anybodyOn(projectId))) {
      await store.cancelOfProject(projectId, "its project is gone", now());
    }
  }
}
