import type { Logger, PubSub } from "@weft/mesh";
import type { PresenceFeed } from "../domain/ports.ts";

/**
 * Who has a project open, as JSON on `project:<id>` beside its changes, but without a place there: it is worthless seconds
 * later, and would push changes out of what the channel remembers.
 */
export function livePresenceFeed(pubsub: Pick<PubSub, "publish">, logger: Logger): PresenceFeed {
  return {
    publish: async ({ projectId, collaborators, atMs }) => {
      const message = {
        type: "presence",
        projectId,
        at: new Date(atMs).toISOString(),
        collaborators: collaborators.map(({ lastSeenAtMs, ...collaborator }) => ({
          ...collaborator,
          lastSeenAt: new Date(lastSeenAtMs).toISOString(),
        })),
      };
      try {
        await pubsub.publish(`project:${projectId}`, JSON.stringify(message));
      } catch (error) {
        logger.warn({ err: error, projectId }, "who has a project open could not be told");
      }
    },
  };
}
