import { type CharacterSet, type PatternNode, readPattern } from "./pattern-syntax.ts";

/**
 * Matches texts of ASCII against a pattern in one pass, whatever the pattern: a table says which state follows from a
 * state and a character. A RegExp would not do: it backtracks, and the patterns of a .proto, written for an engine that
 * does not, meet texts that an attacker chose.
 *
 * The table comes from the pattern by way of its positions (Glushkov's construction): every character set in the
 * pattern is one, a repetition has as many as it takes, and a state is the set of positions that the text may have
 * reached. Patterns that need more than `maxStates` are left to protovalidate.
 */
export class PatternAutomaton {
  /** The next state at `state << 7 | code`; 0 is the end of all hope. */
  readonly #next: Uint8Array;
  readonly #accepting: Uint8Array;

  private constructor(next: Uint8Array, accepting: Uint8Array) {
    this.#next = next;
    this.#accepting = accepting;
  }

  static of(pattern: string): PatternAutomaton | undefined {
    const read = readPattern(pattern);
    if (read === undefined) {
      return undefined;
    }
    const positions = new Positions();
    const whole: PatternNode[] = [read.node];
    if (!read.fromStart) {
      whole.unshift(anything);
    }
    if (!read.toEnd) {
      whole.push(anything);
    }
    const fragment = positions.add({ kind: "sequence", parts: whole });
    return fragment === undefined ? undefined : PatternAutomaton.#fromPositions(positions, fragment);
  }

  static #fromPositions(positions: Positions, { first, last, canBeEmpty }: Fragment): PatternAutomaton | undefined {
    // State 0 is dead, state 1 is the start, which has reached no position yet.
    const reached: (readonly number[])[] = [[], []];
    const names = new Map<string, number>([["", 0]]);
    const alike = positions.charactersAlike();
    const next: number[] = new Array(128).fill(0);
    const isLast = new Set(last);
    for (let state = 1; state < reached.length; state += 1) {
      const possible = state === 1 ? first : (reached[state] as number[]).flatMap((at) => [...positions.following(at)]);
      const inOrder = [...new Set(possible)].sort((a, b) => a - b);
      for (const codes of alike) {
        const after = inOrder.filter((at) => positions.set(at)[codes[0] as number] === 1);
        const name = after.join();
        if (!names.has(name)) {
          names.set(name, reached.push(after) - 1);
        }
        for (const code of codes) {
          next[(state << 7) | code] = names.get(name) as number;
        }
      }
      if (reached.length > maxStates) {
        return undefined;
      }
    }
    const accepting = reached.map((at, state) => (state === 1 ? canBeEmpty : at.some((one) => isLast.has(one))));
    return new PatternAutomaton(Uint8Array.from(next), Uint8Array.from(accepting, Number));
  }

  /** Whether the pattern surely matches. A text with NUL or with anything beyond ASCII is not sure. */
  accepts(text: string): boolean {
    const next = this.#next;
    let state = 1;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code > 127) {
        return false;
      }
      state = next[(state << 7) | code] as number;
      if (state === 0) {
        return false;
      }
    }
    return this.#accepting[state] === 1;
  }
}

/** A state is a byte, and a table of this many takes 32 KiB. A user name of 3 to 32 characters takes 33. */
const maxStates = 255;
const maxPositions = 255;

const anything: PatternNode = {
  kind: "repeat",
  part: { kind: "set", set: new Uint8Array(128).fill(1, 1) },
  min: 0,
  max: Number.POSITIVE_INFINITY,
};

/** Where a part of a pattern begins and ends. */
interface Fragment {
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly canBeEmpty: boolean;
}

const empty: Fragment = { first: [], last: [], canBeEmpty: true };

class Positions {
  readonly #sets: CharacterSet[] = [];
  readonly #following: Set<number>[] = [];

  set(position: number): CharacterSet {
    return this.#sets[position] as CharacterSet;
  }

  /** Codes in groups that no set of the pattern tells apart. */
  charactersAlike(): readonly (readonly number[])[] {
    const groups = new Map<string, number[]>();
    for (let code = 0; code < 128; code += 1) {
      const membership = this.#sets.map((set) => set[code]).join("");
      const group = groups.get(membership);
      if (group === undefined) {
        groups.set(membership, [code]);
      } else {
        group.push(code);
      }
    }
    return [...groups.values()];
  }

  following(position: number): ReadonlySet<number> {
    return this.#following[position] as Set<number>;
  }

  /** undefined when the pattern is too big. */
  add(node: PatternNode): Fragment | undefined {
    switch (node.kind) {
      case "set":
        return this.#addSet(node.set);
      case "sequence":
        return this.#addAll(node.parts, (a, b) => this.#inSequence(a, b), empty);
      case "choice":
        return this.#addAll(node.parts, either, { first: [], last: [], canBeEmpty: false });
      case "repeat":
        return this.#addRepeat(node.part, node.min, node.max);
    }
  }

  #addSet(set: CharacterSet): Fragment | undefined {
    if (this.#sets.length === maxPositions) {
      return undefined;
    }
    const position = this.#sets.push(set) - 1;
    this.#following.push(new Set());
    return { first: [position], last: [position], canBeEmpty: false };
  }

  #addAll(
    nodes: readonly PatternNode[],
    join: (a: Fragment, b: Fragment) => Fragment,
    start: Fragment,
  ): Fragment | undefined {
    let whole = start;
    for (const node of nodes) {
      const part = this.add(node);
      if (part === undefined) {
        return undefined;
      }
      whole = join(whole, part);
    }
    return whole;
  }

  /** The part `min` times, then as an option until `max`, or going round. */
  #addRepeat(node: PatternNode, min: number, max: number): Fragment | undefined {
    const isEndless = max === Number.POSITIVE_INFINITY;
    const copies = isEndless ? Math.max(1, min) : max;
    let whole = empty;
    for (let copy = 1; copy <= copies; copy += 1) {
      const before = this.#sets.length;
      const part = this.add(node);
      // A part without characters would make copies of nothing for as long as it is told to.
      if (part === undefined || this.#sets.length === before) {
        return undefined;
      }
      if (isEndless && copy === copies) {
        this.#follow(part.last, part.first);
      }
      whole = this.#inSequence(whole, copy > min ? { ...part, canBeEmpty: true } : part);
    }
    return whole;
  }

  #inSequence(a: Fragment, b: Fragment): Fragment {
    this.#follow(a.last, b.first);
    return {
      first: a.canBeEmpty ? [...a.first, ...b.first] : a.first,
      last: b.canBeEmpty ? [...a.last, ...b.last] : b.last,
      canBeEmpty: a.canBeEmpty && b.canBeEmpty,
    };
  }

  #follow(last: readonly number[], first: readonly number[]): void {
    for (const position of last) {
      for (const next of first) {
        this.#following[position]?.add(next);
      }
    }
  }
}

function either(a: Fragment, b: Fragment): Fragment {
  return {
    first: [...a.first, ...b.first],
    last: [...a.last, ...b.last],
    canBeEmpty: a.canBeEmpty || b.canBeEmpty,
  };
}
