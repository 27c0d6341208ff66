/**
 * Repeatable randomness: one stream per (seed, owner, purpose).
 *
 * Every component, link and workload draws each kind of number from a stream of its own, named by its id. So adding a
 * component leaves the numbers of all others as they were, and two designs compared under one seed share their luck. The
 * name is hashed into the 128-bit state of sfc32, which passes the usual test suites and costs a few additions per
 * number. Uniforms carry 53 bits: with 32, exponential tails would end at 22 means.
 */
export class RandomStream {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `name` says who draws and what for, such as "component/orders/service". */
  constructor(seed: number, name: string) {
    const hash = nameHash(name);
    this.#a = scramble((seed | 0) ^ hash);
    this.#b = scramble(this.#a ^ Math.imul(seed | 0, 0x85ebca6b));
    this.#c = scramble(this.#b ^ Math.imul(hash, 0xc2b2ae35));
    // The first outputs still resemble the state; the mixing needs a few rounds to reach every bit.
    for (let round = 0; round < 12; round++) this.nextUint32();
  }

  /** A whole number from 0 to 2^32 - 1. */
  nextUint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** From 0 (included) to 1 (excluded), in steps of 2^-53. */
  uniform(): number {
    // Two rounds of `nextUint32`, with the state in the processor between them: this is drawn for nearly every event.
    const counter = this.#counter;
    const c = this.#c;
    const b = (c + (c << 3)) | 0;
    const first = (((this.#a + this.#b) | 0) + counter) | 0;
    const nextC = (((c << 21) | (c >>> 11)) + first) | 0;
    const second = ((this.#b ^ (this.#b >>> 9)) + b + counter + 1) | 0;
    this.#a = b ^ (b >>> 9);
    this.#b = (nextC + (nextC << 3)) | 0;
    this.#c = (((nextC << 21) | (nextC >>> 11)) + second) | 0;
    this.#counter = (counter + 2) | 0;
    return ((first >>> 5) * 0x4000000 + (second >>> 6)) / 0x20000000000000;
  }

  /** True with the given probability. The certain cases draw nothing. */
  chance(probability: number): boolean {
    if (probability <= 0) return false;
    return probability >= 1 || this.uniform() < probability;
  }

  /** A whole number from 0 to `bound` - 1, up to a few thousand: 32 bits favour none of them by more than a millionth. */
  below(bound: number): number {
    return Math.floor((this.nextUint32() * bound) / 0x100000000);
  }

  /** Mean 1. */
  exponential(): number {
    return -Math.log(1 - this.uniform());
  }

  /** Mean 0, standard deviation 1. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
}

/** 32-bit FNV-1a over the name's UTF-16 units, then scrambled. */
function nameHash(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return scramble(hash);
}

/** A bijection on 32-bit numbers in which every input bit reaches every output bit. */
function scramble(value: number): number {
  let mixed = (value + 0x9e3779b9) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}
