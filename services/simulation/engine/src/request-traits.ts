/**
 * What a client's request carries through the whole tree of its calls: whether it writes, its session, and its deadline.
 * A model whose requests do not differ draws nothing.
 */
import { KeyPopularity } from "./cache/key-popularity.ts";
import type { Model } from "./model.ts";
import { RandomStream } from "./random.ts";
import type { RunState } from "./run-state.ts";
import type { Visit } from "./visit.ts";

const nsPerMs = 1e6;

interface Traits {
  readonly writeShare: number;
  readonly deadlineNs: number;
  readonly write: RandomStream;
  readonly sessions: KeyPopularity;
}

/** Whether anything chooses instances or links by session. Of balancers only the choice of links is their own. */
export function hashesSessions({ components }: Model): boolean {
  return components.some(({ linkBalancing }) => linkBalancing === "consistent_hash");
}

export class RequestTraits {
  /** Whether any workload says what share of its requests writes. */
  readonly writesAreKnown: boolean;
  readonly #ofWorkload: readonly Traits[];

  constructor({ model, seed }: RunState) {
    this.writesAreKnown = model.workloads.some(({ writeShare }) => writeShare > 0);
    this.#ofWorkload = model.workloads.map(({ id, writeShare, deadlineMs, sessions, sessionSkew }) => {
      const stream = (purpose: string) => new RandomStream(seed, `workload/${id}/${purpose}`);
      return {
        writeShare,
        deadlineNs: deadlineMs === 0 ? Number.POSITIVE_INFINITY : deadlineMs * nsPerMs,
        write: stream("write"),
        sessions: new KeyPopularity(sessions, sessionSkew, stream("session"), stream("hot-session")),
      };
    });
  }

  draw(visit: Visit, workload: number, nowNs: number): void {
    const traits = this.#ofWorkload[workload] as Traits;
    visit.isWrite = traits.write.chance(traits.writeShare);
    visit.session = traits.sessions.next();
    visit.deadlineNs = nowNs + traits.deadlineNs;
  }

  /** Sessions of a workload ask in other shares from now on; see cache/key-popularity.ts. */
  shiftSessions(workload: number, skew: number | undefined, hotShare: number): void {
    this.#ofWorkload[workload]?.sessions.shift(skew, hotShare);
  }
}
