import type { HoldingPublisher, Logger, PubSub } from "@weft/mesh";
import type { ChangeFeed, ChangeNotice } from "../domain/ports.ts";

/*
 * Tells readers of a project what changes, as JSON on `project:<id>` (PROJ-12). A change gets a place in the channel, so
 * that who missed it can see and get it; presence goes beside them, as it is worthless seconds later and would push changes
 * out of what the channel remembers. A change that was made stands, whether or not it can be told.
 */

export interface LiveChangeFeedOptions {
  readonly changes: Pick<HoldingPublisher, "publish">;
  readonly pubsub: Pick<PubSub, "publish">;
  readonly logger: Logger;
}

export function liveChangeFeed({ changes, pubsub, logger }: LiveChangeFeedOptions): ChangeFeed {
  return {
    publish: async (notice) => {
      const { projectId, type } = notice;
      try {
        await (type === "presence" ? pubsub : changes).publish(`project:${projectId}`, messageFrom(notice));
      } catch (error) {
        logger.warn({ err: error, projectId, type }, "a change could not be told to readers");
      }
    },
  };
}

function messageFrom({ atMs, collaborators, ...notice }: ChangeNotice): string {
  return JSON.stringify({
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
  });
}
