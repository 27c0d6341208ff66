/**
 * Which of several gets a request: of the instances of a component, or of the links of a load balancer.
 *
 * - random: any. Each is a queue of its own, and luck makes them uneven.
 * - weighted: any, by given shares.
 * - round_robin: one after the other, each as often as its weight says and as evenly as can be (smooth weighted round robin, as
 *   nginx has it); which makes arrivals more regular but knows nothing of load.
 * - least_connections: the fewest requests in relation to its weight; a balancer that sees everything.
 * - power_of_two: the less loaded of two drawn at random, in relation to weight (Mitzenmacher, 2001): nearly as good, and what clients that balance
 *   by themselves can do. More than two may be drawn, each only once: every further one helps less than the one before.
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
  /** power_of_two: places of those drawn, ascending; its length says how many are. */
  readonly #drawn: Int32Array;
  #turn = 0;
  /** round_robin by weights: how much each is owed, by number; made when the weights differ. */
  #owed: Float64Array | undefined;

  /** `draws`, from 2, is how many `power_of_two` looks at. */
  constructor(kind: Balancing, stream: RandomStream, choices: Choices, draws: number) {
    this.#kind = kind;
    this.#stream = stream;
    this.#choices = choices;
    this.#drawn = new Int32Array(draws);
  }

  /** One of the members from `from` to `to` - 1, which must be some; `session` matters to consistent hashing only. */
  choose(from: number, to: number, session: number): number {
    const { members } = this.#choices;
    const count = to - from;
    if (count === 1) return members[from] as number;
    switch (this.#kind) {
      case "power_of_two":
        return this.#drawn.length === 2 ? this.#lessLoadedOfTwo(from, count) : this.#leastLoadedOfDrawn(from, to);
      case "random":
        return members[from + this.#stream.below(count)] as number;
      case "weighted":
        return this.#byWeight(from, to);
      case "round_robin":
        return this.#next(from, to);
      case "least_connections":
        return this.#leastLoaded(from, to, this.#stream.below(count));
      case "consistent_hash":
        return this.#hashed(from, to, session);
    }
  }

  #next(from: number, to: number): number {
    const { members, weight } = this.#choices;
    const first = weight[members[from] as number] as number;
    let isEven = true;
    for (let place = from + 1; place < to && isEven; place++) isEven = weight[members[place] as number] === first;
    if (isEven) {
      this.#turn = this.#turn + 1 >= to - from ? 0 : this.#turn + 1;
      return members[from + this.#turn] as number;
    }
    this.#owed ??= new Float64Array(weight.length);
    const owed = this.#owed;
    let chosen = members[from] as number;
    let total = 0;
    for (let place = from; place < to; place++) {
      const member = members[place] as number;
      const share = weight[member] as number;
      total += share;
      owed[member] = (owed[member] as number) + share;
      if ((owed[member] as number) > (owed[chosen] as number)) chosen = member;
    }
    owed[chosen] = (owed[chosen] as number) - total;
    return chosen;
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
    const { members } = this.#choices;
    const one = this.#stream.below(count);
    const other = this.#stream.below(count - 1);
    const left = members[from + one] as number;
    const right = members[from + (other >= one ? other + 1 : other)] as number;
    return this.#relativeLoad(left) <= this.#relativeLoad(right) ? left : right;
  }

  /** Whoever is drawn first gets it among equals, so that no place is preferred. */
  #leastLoadedOfDrawn(from: number, to: number): number {
    const { members } = this.#choices;
    const drawn = this.#drawn;
    const count = to - from;
    if (drawn.length >= count) return this.#leastLoaded(from, to, this.#stream.below(count));
    let best = -1;
    for (let made = 0; made < drawn.length; made++) {
      // One of the places that are left, counted past those already drawn.
      let place = this.#stream.below(count - made);
      let rank = 0;
      for (; rank < made && place >= (drawn[rank] as number); rank++) place++;
      drawn.copyWithin(rank + 1, rank, made);
      drawn[rank] = place;
      const member = members[from + place] as number;
      if (best < 0 || this.#relativeLoad(member) < this.#relativeLoad(best)) best = member;
    }
    return best;
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
