import type { Logger, PubSub } from "@weft/mesh";
import type { ChangeFeed } from "../domain/ports.ts";

/** Publishes notices as JSON on `project:<id>` (PROJ-12). A change that was made stands, whether or not it can be told. */
export function pubsubChangeFeed(pubsub: PubSub, logger: Logger): ChangeFeed {
  return {
    publish: async ({ atMs, collaborators, ...notice }) => {
      const message = {
        ...notice,
        at: new Date(atMs).toISOString(),
        ...(collaborators === undefined
          ? {}
          : {
              collaborators: collaborators.map(({ lastSeenAtMs, ...collaborator }) => ({
                ...collaborator,
                lastSeenAt: new Date(lastSeenAtMs).toISOString(),
              })),
            }),
      };
      try {
        await pubsub.publish(`project:${notice.projectId}`, JSON.stringify(message));
      } catch (error) {
        logger.warn(
          { err: error, projectId: notice.projectId, type: notice.type },
          "a change could not be told to readers",
        );
      }
    },
  };
}
