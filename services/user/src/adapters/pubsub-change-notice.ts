import type { Logger, PubSub } from "@weft/mesh";
import type { ChangeNotice } from "../domain/ports.ts";

/** The payload of a notice on it is the id of the user who changed. */
const userChangesChannel = "user:changes";

/** Publishes each change; one that cannot be sent is logged, since those who remember users also forget them soon. */
export function createPubSubChangeNotice(pubsub: PubSub, logger: Logger): ChangeNotice {
  return {
    changed(userId) {
      pubsub.publish(userChangesChannel, userId).catch((error: unknown) => {
        logger.debug({ err: error, userId }, "the change of a user could not be announced");
      });
    },
  };
}
