import type { Clock, Timer } from "../clock.ts";
import type { Random } from "../random.ts";
import { parcelKeepMs, parcelMaxBytes } from "./lane-limits.ts";

/**
 * Answers that were too large for their lane, until their caller fetches them. Numbers are random
 * enough that whoever was not told one cannot fetch another's answer. What nobody fetches is forgotten after a minute, and
 * what all hold together is bounded.
 */
export class Parcels {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #kept = new Map<bigint, { readonly bytes: Buffer; readonly timer: Timer }>();
  #bytes = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Bytes that wait. */
  get size(): number {
    return this.#bytes;
  }

  /** Keeps an answer under a new number; undefined when there is no room. */
  keep(bytes: Buffer): bigint | undefined {
    if (this.#bytes + bytes.length > parcelMaxBytes) {
      return undefined;
    }
    const id = BigInt(`0x${this.#random.id().replaceAll("-", "").slice(16)}`);
    const timer = this.#clock.setTimer(() => void this.take(id), parcelKeepMs);
    this.#kept.set(id, { bytes, timer });
    this.#bytes += bytes.length;
    return id;
  }

  /** Gives an answer out, once. */
  take(id: bigint): Buffer | undefined {
    const parcel = this.#kept.get(id);
    if (parcel === undefined) {
      return undefined;
    }
    this.#kept.delete(id);
    this.#bytes -= parcel.bytes.length;
    parcel.timer.cancel();
    return parcel.bytes;
  }

  /** Forgets all. */
  clear(): void {
    for (const id of [...this.#kept.keys()]) {
      this.take(id);
    }
  }
}
