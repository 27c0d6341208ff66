import type { Clock, Timer } from "../clock.ts";
import type { ChannelOptions } from "../feed-event.ts";
import type { Position, Publication } from "../protocol.ts";

export interface Join {
  readonly options: ChannelOptions;
  readonly from: Position | undefined;
  readonly recent: readonly Publication[];
}

/** Joins without an answer, asked again and again: a message to a leader that is just dying is lost. */
export class TabJoins {
  readonly #clock: Clock;
  readonly #repeatMs: number;
  readonly #ask: (channel: string, join: Join) => void;
  readonly #open = new Map<string, Join>();
  #timer: Timer | undefined;

  constructor(clock: Clock, repeatMs: number, ask: (channel: string, join: Join) => void) {
    this.#clock = clock;
    this.#repeatMs = repeatMs;
    this.#ask = ask;
  }

  add(channel: string, join: Join): void {
    this.#open.set(channel, join);
    this.#ask(channel, join);
    this.#timer ??= this.#clock.setTimer(() => this.#repeat(), this.#repeatMs);
  }

  delete(channel: string): void {
    this.#open.delete(channel);
  }

  clear(): void {
    this.#open.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #repeat(): void {
    this.#timer = undefined;
    for (const [channel, join] of [...this.#open]) {
      this.add(channel, join);
    }
  }
}
