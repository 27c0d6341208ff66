/**
 * Which of several gets a request: of the instances of a component, or of the links of a load balancer.
 *
 * - random: any. Each is a queue of its own, and luck makes them uneven.
 * - weighted: any, by given shares.
 * - round_robin: one after the other, which makes arrivals more regular but knows nothing of load.
 * - least_connections: the fewest requests in relation to its weight; a balancer that sees everything.
 * - power_of_two: the less loaded of two drawn at random (Mitzenmacher, 2001): nearly as good, and what clients that balance
 *   by themselves can do.
 * - consistent_hash: always the same for one session, and when one goes only its sessions move (rendezvous hashing, Thaler and
 *   Ravishankar 1998). A session that asks a lot makes its instance hot.
 */
import type { Balancing } from "./architecture.ts";
import type { RandomStream } from "./random.ts";

/** Those to choose from, by number; kept by whoever adds, removes and loads them. */
export interface Choices {
  /** Candidates are `members[from]` to `members[to - 1]`. */
  readonly members: Int32Array;
  /** By number: requests there, and the share it should get. */
  readonly load: Int32Array;
  readonly weight: Float64Array;
}

export class Chooser {
  readonly #kind: Balancing;
  readonly #stream: RandomStream;
  readonly #choices: Choices;
  #turn = 0;

  constructor(kind: Balancing, stream: RandomStream, choices: Choices) {
    this.#kind = kind;
    this.#stream = stream;
    this.#choices = choices;
  }

  /** One of the members from `from` to `to` - 1, which must be some; `session` matters to consistent hashing only. */
  choose(from: number, to: number, session: number): number {
    const { members } = this.#choices;
    const count = to - from;
    if (count === 1) return members[from] as number;
    switch (this.#kind) {
      case "random":
        return members[from + this.#stream.below(count)] as number;
      case "weighted":
        return this.#byWeight(from, to);
      case "round_robin":
        this.#turn = this.#turn + 1 >= count ? 0 : this.#turn + 1;
        return members[from + this.#turn] as number;
      case "least_connections":
        return this.#leastLoaded(from, to, this.#stream.below(count));
      case "consistent_hash":
        return this.#hashed(from, to, session);
      default:
        return this.#lessLoadedOfTwo(from, count);
    }
  }

  #byWeight(from: number, to: number): number {
    const { members, weight } = this.#choices;
    let total = 0;
    for (let place = from; place < to; place++) total += weight[members[place] as number] as number;
    let left = this.#stream.uniform() * total;
    let chosen = members[from] as number;
    for (let place = from; place < to; place++) {
      const member = members[place] as number;
      const share = weight[member] as number;
      if (share === 0) continue;
      chosen = member;
      left -= share;
      if (left < 0) break;
    }
    // Rounding may leave a hair; the last one with a weight gets it.
    return chosen;
  }

  /** Looks from a random one on, so that the first is not preferred among equals. */
  #leastLoaded(from: number, to: number, start: number): number {
    const { members } = this.#choices;
    let best = members[from + start] as number;
    for (let step = 1; step < to - from; step++) {
      const place = from + start + step;
      const member = members[place < to ? place : place - (to - from)] as number;
      if (this.#relativeLoad(member) < this.#relativeLoad(best)) best = member;
    }
    return best;
  }

  #relativeLoad(member: number): number {
    const { load, weight } = this.#choices;
    return ((load[member] as number) + 1) / (weight[member] as number);
  }

  #lessLoadedOfTwo(from: number, count: number): number {
    const { members, load } = this.#choices;
    const one = this.#stream.below(count);
    const other = this.#stream.below(count - 1);
    const left = members[from + one] as number;
    const right = members[from + (other >= one ? other + 1 : other)] as number;
    return (load[left] as number) <= (load[right] as number) ? left : right;
  }

  #hashed(from: number, to: number, session: number): number {
    const { members } = this.#choices;
    let best = members[from] as number;
    let highest = -1;
    for (let place = from; place < to; place++) {
      const member = members[place] as number;
      const rank = mixed(Math.imul(session, 0x9e3779b1) ^ mixed(member + 1));
      if (rank <= highest) continue;
      highest = rank;
      best = member;
    }
    return best;
  }
}

function mixed(value: number): number {
  let word = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
  return (word ^ (word >>> 15)) >>> 0;
}
