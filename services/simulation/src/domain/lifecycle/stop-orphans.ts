import { emptyFrame } from "./empty-frame.ts";
import type { Access, FrameFeed, SimulationStore } from "./ports.ts";

/**
 * Stops the simulations of projects on which nobody has a role any more: deleted ones above all. Without a reader or
 * anybody who could stop it, a run at real-time speed would hold a place here for a day. What they showed until then goes
 * with the retention, and cannot be read by anybody but an administrator.
 */
export async function stopOrphans(options: {
  readonly store: Pick<SimulationStore, "unfinishedProjects" | "stopOfProject">;
  readonly access: Pick<Access, "anybodyOn">;
  readonly feed: FrameFeed;
  readonly now: () => number;
}): Promise<void> {
  const { store, access, feed, now } = options;
  for (const projectId of await store.unfinishedProjects()) {
    if (await access.anybodyOn(projectId)) {
      continue;
    }
    for (const simulation of await store.stopOfProject(projectId, "its project is gone", now())) {
      feed.publish(simulation, simulation.status, emptyFrame(simulation));
    }
  }
}
