/** How a write of a run came out: made; nobody's business any more; given up by a closing instance; refused for good. */
export type WriteOutcome = "written" | "lost" | "closed" | "refused";

const rewriteMs = 1000;
/** A store that answers and still refuses a write this often will not take it. */
const mostRefusals = 5;

/**
 * Makes a write of a run, again and again while the store is away, for as long as the run is this instance's ("ours").
 * A closing instance tries once. A store that is there and refuses is asked a few times only.
 */
export async function insist(
  work: () => Promise<void>,
  options: {
    readonly state: () => "ours" | "lost" | "closed";
    readonly isAway: (error: unknown) => boolean;
    readonly sleep: (ms: number) => Promise<void>;
    readonly onError: (error: unknown) => void;
  },
): Promise<WriteOutcome> {
  for (let refusals = 0; refusals < mostRefusals; ) {
    if (options.state() === "lost") {
      return "lost";
    }
    try {
      await work();
      return "written";
    } catch (error) {
      options.onError(error);
      refusals += options.isAway(error) ? 0 : 1;
    }
    if (options.state() === "closed") {
      return "closed";
    }
    await options.sleep(rewriteMs);
  }
  return "refused";
}
