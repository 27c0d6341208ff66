/**
 * What a client's request carries through the whole tree of its calls: whether it writes, its session, and its deadline.
 * A model whose requests do not differ draws nothing.
 */
import { ZipfKeys } from "./cache/zipf.ts";
import { RandomStream } from "./random.ts";
import type { RunState } from "./run-state.ts";
import type { Visit } from "./visit.ts";

const nsPerMs = 1e6;

interface Traits {
  readonly writeShare: number;
  readonly deadlineNs: number;
  readonly write: RandomStream;
  readonly sessions: ZipfKeys;
}

export class RequestTraits {
  /** Whether any workload says what share of its requests writes. */
  readonly writesAreKnown: boolean;
  readonly #ofWorkload: readonly Traits[];

  constructor({ model, seed }: RunState) {
    this.writesAreKnown = model.workloads.some(({ writeShare }) => writeShare > 0);
    this.#ofWorkload = model.workloads.map(({ id, writeShare, deadlineMs, sessions, sessionSkew }) => ({
      writeShare,
      deadlineNs: deadlineMs === 0 ? Number.POSITIVE_INFINITY : deadlineMs * nsPerMs,
      write: new RandomStream(seed, `workload/${id}/write`),
      sessions: new ZipfKeys(sessions, sessionSkew, new RandomStream(seed, `workload/${id}/session`)),
    }));
  }

  draw(visit: Visit, workload: number, nowNs: number): void {
    const traits = this.#ofWorkload[workload] as Traits;
    visit.isWrite = traits.write.chance(traits.writeShare);
    visit.session = traits.sessions.next();
    visit.deadlineNs = nowNs + traits.deadlineNs;
  }
}
