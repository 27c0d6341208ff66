import type { Socket } from "node:net";
import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";

/**
 * One direction of a connection through the chaos proxy: a queue and a loop that empties it.
 *
 * What is read waits until it has been late enough, the line is free and the other side takes more, one piece after the
 * other; so order is kept whatever the rules become, and a slow receiver slows the sender down. A blackhole stops the
 * loop, not the connection: bytes, FIN and RST are held back as on a cut cable, nobody is told, and all of it arrives
 * when the blackhole ends, which is what TCP's retransmissions would do.
 */

/** What happens to the bytes of one direction; may be changed at any time, followed by `wake`. */
export interface ChaosRules {
  /** Added to the way of all that is read from now on. */
  latencyMs: number;
  /** At most this is added to the latency of each piece, evenly distributed. */
  jitterMs: number;
  /** What the line of one connection carries. */
  bytesPerSecond: number;
  /** Nothing arrives. */
  blackhole: boolean;
}

export interface ChaosFlowOptions {
  readonly source: Socket;
  readonly sink: Socket;
  readonly rules: Readonly<ChaosRules>;
  readonly clock: Clock;
  readonly random: Pick<Random, "next">;
  readonly onPassed: (bytes: number) => void;
}

/** Held before the source is read no further: 1 MiB, enough for 100 ms at 10 MB/s. */
const maxQueuedBytes = 1024 * 1024;
/** A limited line is given this much at once: small enough that a change of the rules is felt soon. */
const pieceMs = 20;

export class ChaosFlow {
  readonly #options: ChaosFlowOptions;
  readonly #queue: { bytes: Buffer; readonly dueMs: number }[] = [];
  #queuedBytes = 0;
  #lineFreeAtMs = 0;
  #finished = false;
  #broken = false;
  #wake: () => void = () => undefined;

  constructor(options: ChaosFlowOptions) {
    this.#options = options;
    const { source, sink } = options;
    source.on("data", (bytes: Buffer) => this.#take(bytes));
    source.once("end", () => this.finish());
    source.on("error", () => undefined);
    source.once("close", (failed: boolean) => {
      this.#broken = failed;
      this.#wake();
    });
    sink.on("drain", () => this.#wake());
    sink.once("close", () => this.#wake());
    void this.#run();
  }

  /** A FIN follows what is queued; what comes later is dropped. */
  finish(): void {
    this.#finished = true;
    this.#wake();
  }

  /** Looks at the rules again. */
  wake(): void {
    this.#wake();
  }

  #take(bytes: Buffer): void {
    if (this.#finished) {
      return;
    }
    const { source, rules, clock, random } = this.#options;
    this.#queue.push({ bytes, dueMs: clock.monotonicMs() + rules.latencyMs + rules.jitterMs * random.next() });
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes >= maxQueuedBytes) {
      source.pause();
    }
    this.#wake();
  }

  async #run(): Promise<void> {
    const { sink, rules, clock } = this.#options;
    let ended = false;
    while (!sink.destroyed) {
      const next = this.#queue[0];
      const waitMs = next === undefined ? 0 : Math.max(next.dueMs, this.#lineFreeAtMs) - clock.monotonicMs();
      if (rules.blackhole || sink.writableNeedDrain) {
        await this.#pause();
      } else if (this.#broken) {
        // A sink that is still being dialled is destroyed once it is connected: this must not wait for it.
        sink.resetAndDestroy();
        return;
      } else if (waitMs > 0) {
        // Whole milliseconds: what is left of a fraction could be less than a clock can add to its reading.
        await this.#pause(Math.ceil(waitMs));
      } else if (next !== undefined) {
        this.#pass(next);
      } else if (this.#finished && !ended) {
        // Goes on all the same: the source may still be reset. Said once, since a sink that failed does not take it.
        ended = true;
        sink.end();
      } else {
        await this.#pause();
      }
    }
  }

  #pass(next: { bytes: Buffer }): void {
    const { source, sink, rules, clock, onPassed } = this.#options;
    const piece = next.bytes.subarray(0, Math.max(1, Math.ceil((rules.bytesPerSecond * pieceMs) / 1000)));
    next.bytes = next.bytes.subarray(piece.length);
    if (next.bytes.length === 0) {
      this.#queue.shift();
    }
    this.#queuedBytes -= piece.length;
    if (this.#queuedBytes < maxQueuedBytes) {
      source.resume();
    }
    this.#lineFreeAtMs = clock.monotonicMs() + (piece.length / rules.bytesPerSecond) * 1000;
    sink.write(piece);
    onPassed(piece.length);
  }

  /** Until something changes, or for the time given. */
  #pause(delayMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = delayMs === undefined ? undefined : this.#options.clock.setTimer(resolve, delayMs);
      this.#wake = () => {
        timer?.cancel();
        resolve();
      };
    });
  }
}
