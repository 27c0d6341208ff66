import type { Clock, Logger } from "@weft/mesh";

/** Clients are told only that a peer is away; the log says why, though not once per call of an outage. */
const pauseMs = 1000;

export class AbsenceLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #lines = new Map<string, { readonly atMs: number; silent: number }>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** A call could not reach the peer: at most one line per second and peer, with how many calls went without one. */
  note(peer: string, reason: unknown): void {
    const nowMs = this.#clock.monotonicMs();
    const last = this.#lines.get(peer);
    if (last !== undefined && nowMs - last.atMs < pauseMs) {
      last.silent += 1;
      return;
    }
    this.#lines.set(peer, { atMs: nowMs, silent: 0 });
    // The message alone: where it was thrown says nothing of why a peer is away.
    const why = reason instanceof Error ? reason.message : reason;
    this.#logger.warn({ peer, reason: why, unlogged: last?.silent ?? 0 }, "a peer is not available");
  }
}
