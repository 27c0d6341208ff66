import type { Clock, Timer } from "@weft/mesh";

/*
 * Checks of all connections of a process, each a fixed time after its last one. All wait equally long, so they are due in the
 * order in which they began to wait: one timer, for the first of them, does for all, where one of each would be a tenth of
 * what an idle connection takes of the memory.
 */

export interface RegularlyChecked {
  check(): void;
}

export class RegularChecks {
  readonly #clock: Pick<Clock, "monotonicMs" | "setTimer">;
  readonly #intervalMs: number;
  /** When each is due, the first one first. */
  readonly #due = new Map<RegularlyChecked, number>();
  #timer: Timer | undefined;

  constructor(clock: Pick<Clock, "monotonicMs" | "setTimer">, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  /** Has it checked once, an interval from now, and not at the time it was planned for before. */
  plan(member: RegularlyChecked): void {
    this.#due.delete(member);
    this.#due.set(member, this.#clock.monotonicMs() + this.#intervalMs);
    this.#arm();
  }

  /** Repeating it does nothing. */
  cancel(member: RegularlyChecked): void {
    this.#due.delete(member);
  }

  #arm(): void {
    const [firstMs] = this.#due.values();
    if (this.#timer === undefined && firstMs !== undefined) {
      this.#timer = this.#clock.setTimer(() => this.#run(), firstMs - this.#clock.monotonicMs());
    }
  }

  #run(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (const [member, dueMs] of this.#due) {
      // Also the end of those who have planned their next check meanwhile.
      if (dueMs > nowMs) {
        break;
      }
      this.#due.delete(member);
      member.check();
    }
    this.#arm();
  }
}
