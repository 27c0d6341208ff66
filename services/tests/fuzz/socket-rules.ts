import type { Random } from "./random.ts";
import type { World } from "./world.ts";

/* What holds of a WebSocket in both forms of the protocol. */

/** By the table of the protocol's README; 1006 is what is left when the server drops whoever breaks RFC 6455 or a limit. */
export const closeCodes: ReadonlySet<number> = new Set([1000, 1003, 1005, 1006, 1007, 1009, 1012, 1013, 4401, 4429]);

/** `canceled` is what becomes of a subscription that its client has ended before it began. */
export const errorCodes =
  /^(?:canceled|invalid_argument|unauthenticated|permission_denied|not_found|resource_exhausted|failed_precondition|unavailable|aborted|deadline_exceeded|already_exists)$/;

/** Of every kind. */
export function anyChannel({ owner, project, running, finished }: World, random: Random): string {
  const simulations = [`simulation:${running}`, `simulation:${finished}`, `traces:${running}`];
  return random.pick([...simulations, `project:${project}`, `notifications:${owner.user.id}`, `room:${project}`]);
}
