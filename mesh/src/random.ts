/**
 * The one place where the mesh draws randomness. Jitter, balancing and ids take a `Random`, so a test that fails can be
 * run again with the same seed. Not for secrets: `secrets/` and the token code use node:crypto themselves.
 */
import { randomInt, randomUUID } from "node:crypto";

/** Source of randomness. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A 32-bit integer, −2³¹ to 2³¹ − 1. Every call draws six for its trace, so this one allocates nothing. */
  int32(): number;
  /** A version 4 UUID in lower case. */
  id(): string;
}

const uint32Count = 2 ** 32;

/**
 * The real one: `Math.random` for numbers (speed matters, secrecy does not), a generator seeded by node:crypto for
 * integers, node:crypto for ids.
 */
export const systemRandom: Random = {
  next: () => Math.random(),
  int32: smallFastCounting(randomInt(uint32Count), randomInt(uint32Count), randomInt(uint32Count)),
  id: () => randomUUID(),
};

/**
 * Chris Doty-Humphrey's sfc32 (PractRand): a chaotic generator with a counter, period 2^32 at the very least and about
 * 2^127 on average, in integers alone.
 */
function smallFastCounting(seed0: number, seed1: number, seed2: number): () => number {
  let a = seed0 | 0;
  let b = seed1 | 0;
  let c = seed2 | 0;
  let counter = 1;
  const draw = (): number => {
    const drawn = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + drawn) | 0;
    return drawn;
  };
  // Until every bit of the seed has reached every bit of the state.
  for (let round = 0; round < 15; round += 1) {
    draw();
  }
  return draw;
}

/**
 * A repeatable sequence: the same seed gives the same numbers and ids. Any integer is a seed; only its low 32 bits
 * count. A 32-bit generator (counter plus mixing, period 2^32): enough for tests and simulations, nothing else.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const nextUint32 = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  return {
    next: () => nextUint32() / uint32Count,
    int32: () => nextUint32() | 0,
    id: () => {
      const bytes = new Uint8Array(new Uint32Array([nextUint32(), nextUint32(), nextUint32(), nextUint32()]).buffer);
      return uuidFromBytes(bytes);
    },
  };
}

function uuidFromBytes(bytes: Uint8Array): string {
  const marked = Uint8Array.from(bytes);
  // RFC 9562: version 4 in the high half of byte 6, variant 10 in the top bits of byte 8.
  marked[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  marked[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(marked).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
