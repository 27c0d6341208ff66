/**
 * Which instance of a component gets a request.
 *
 * - random: any. Each instance is a queue of its own, and luck makes them uneven.
 * - round_robin: one after the other, which makes arrivals more regular but knows nothing of load.
 * - least_connections: the fewest requests, waiting or in a slot; a balancer that sees everything.
 * - power_of_two: the less loaded of two drawn at random (Mitzenmacher, 2001): nearly as good, and what clients that balance
 *   by themselves can do.
 */
import type { Balancing } from "./architecture.ts";
import type { RandomStream } from "./random.ts";

export class InstanceChooser {
  readonly #kind: Balancing;
  readonly #stream: RandomStream;
  readonly #first: number;
  readonly #instances: number;
  /** Requests of every instance of the model. */
  readonly #load: Int32Array;
  #turn = 0;

  /** The instances are `first` to `first` + `instances` - 1; `load` is read, and kept by whoever admits requests. */
  constructor(kind: Balancing, stream: RandomStream, first: number, instances: number, load: Int32Array) {
    this.#kind = kind;
    this.#stream = stream;
    this.#first = first;
    this.#instances = instances;
    this.#load = load;
  }

  choose(): number {
    const instances = this.#instances;
    if (instances === 1) return this.#first;
    switch (this.#kind) {
      case "random":
        return this.#first + this.#stream.below(instances);
      case "round_robin":
        this.#turn = this.#turn + 1 === instances ? 0 : this.#turn + 1;
        return this.#first + this.#turn;
      case "least_connections":
        return this.#leastLoaded(this.#stream.below(instances));
      default:
        return this.#lessLoadedOfTwo();
    }
  }

  /** Looks from a random one on, so that the first is not preferred among equals. */
  #leastLoaded(from: number): number {
    let best = this.#first + from;
    for (let step = 1; step < this.#instances; step++) {
      const place = from + step;
      const instance = this.#first + (place < this.#instances ? place : place - this.#instances);
      if ((this.#load[instance] as number) < (this.#load[best] as number)) best = instance;
    }
    return best;
  }

  #lessLoadedOfTwo(): number {
    const one = this.#stream.below(this.#instances);
    const other = this.#stream.below(this.#instances - 1);
    const left = this.#first + one;
    const right = this.#first + (other >= one ? other + 1 : other);
    return (this.#load[left] as number) <= (this.#load[right] as number) ? left : right;
  }
}
