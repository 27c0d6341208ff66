import { type ArchitectureSummary, analyseArchitecture } from "./architecture/architecture-summary.ts";
import type { Contribution, Project, ProjectStore } from "./ports.ts";

/**
 * What can be said of a project at a glance (PROJ-09): its newest architecture under its load by operational laws, and who
 * has worked on it. Nothing is counted ahead or kept: the architecture is analysed when somebody asks, and the store counts
 * the history, so there are no figures that could fall behind the project.
 */
export interface ProjectAnalytics {
  readonly projectId: string;
  /** The version that was analysed. */
  readonly version: number;
  readonly architecture: ArchitectureSummary;
  readonly activity: ProjectActivity;
}

export interface ProjectActivity {
  readonly memberCount: number;
  /** People who have it open now. */
  readonly openByCount: number;
  readonly changeCount: number;
  readonly changesLast7Days: number;
  readonly changesLast30Days: number;
  /** Most changes first. */
  readonly contributions: readonly Contribution[];
}

/** A screenful; a project that more people have changed shows those who changed it most. */
const mostContributions = 50;
const dayMs = 24 * 60 * 60 * 1000;

/** `openSinceMs`: whoever was heard of since then has the project open. */
export async function projectAnalytics(
  store: ProjectStore,
  project: Project,
  { nowMs, openSinceMs }: { readonly nowMs: number; readonly openSinceMs: number },
): Promise<ProjectAnalytics> {
  const { id, version, architecture } = project;
  const [history, members, collaborators] = await Promise.all([
    store.history(id, [nowMs - 7 * dayMs, nowMs - 30 * dayMs], mostContributions),
    store.members(id),
    store.collaborators(id, openSinceMs),
  ]);
  const [changesLast7Days = 0, changesLast30Days = 0] = history.changesSince;
  return {
    projectId: id,
    version,
    architecture: analyseArchitecture(architecture),
    activity: {
      memberCount: members.length,
      openByCount: collaborators.length,
      changeCount: history.changes,
      changesLast7Days,
      changesLast30Days,
      contributions: history.contributions,
    },
  };
}
