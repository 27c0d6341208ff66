/*
 * Reads the part of RE2's pattern language that means the same to everyone: characters, classes, groups, alternatives,
 * and greedy repetition, with ^ and $ at the ends only. Anything else (flags, \b, lazy or doubled repetition, Unicode
 * classes, named groups …) is not read, and a pattern that is not read is left to protovalidate.
 *
 * Sets are of ASCII without NUL: whoever matches other characters asks protovalidate, so no question of Unicode arises.
 */

/** Characters by code, 1 to 127; a 1 is a member. */
export type CharacterSet = Uint8Array;

export type PatternNode =
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "sequence" | "choice"; readonly parts: readonly PatternNode[] }
  | { readonly kind: "repeat"; readonly part: PatternNode; readonly min: number; readonly max: number };

export interface Pattern {
  readonly node: PatternNode;
  readonly fromStart: boolean;
  readonly toEnd: boolean;
}

/** undefined for a pattern that is not of the part described above. */
export function readPattern(text: string): Pattern | undefined {
  const fromStart = text.startsWith("^");
  const toEnd = text.endsWith("$") && !text.endsWith("\\$");
  const reader = new Reader(text.slice(fromStart ? 1 : 0, toEnd ? -1 : undefined));
  const node = reader.choice();
  // An anchor belongs to the first or last alternative only.
  const isSplit = node?.kind === "choice" && (fromStart || toEnd);
  return node === undefined || isSplit || !reader.isDone() ? undefined : { node, fromStart, toEnd };
}

/** What a set is made of: `from` to `to`, inclusive. */
function characters(...ranges: readonly (readonly [from: string, to: string])[]): CharacterSet {
  const set = new Uint8Array(128);
  for (const [from, to] of ranges) {
    set.fill(1, from.charCodeAt(0), to.charCodeAt(0) + 1);
  }
  return set;
}

function allBut(set: CharacterSet): CharacterSet {
  return set.map((member, code) => (code === 0 ? 0 : 1 - member));
}

const digits = characters(["0", "9"]);
const wordCharacters = characters(["0", "9"], ["A", "Z"], ["a", "z"], ["_", "_"]);
const classes: Readonly<Record<string, CharacterSet>> = {
  d: digits,
  D: allBut(digits),
  w: wordCharacters,
  W: allBut(wordCharacters),
};
const notNewline = allBut(characters(["\n", "\n"]));
const special = "\\^$.|?*+()[]{}";

/** Each method reads from `at`, and returns undefined for what it cannot read. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isDone(): boolean {
    return this.#at === this.#text.length;
  }

  choice(): PatternNode | undefined {
    const parts: PatternNode[] = [];
    do {
      const part = this.#sequence();
      if (part === undefined) {
        return undefined;
      }
      parts.push(part);
    } while (this.#take("|"));
    return parts.length === 1 ? parts[0] : { kind: "choice", parts };
  }

  #sequence(): PatternNode | undefined {
    const parts: PatternNode[] = [];
    while (!this.isDone() && this.#next() !== "|" && this.#next() !== ")") {
      const atom = this.#atom();
      const part = atom === undefined ? undefined : this.#repeated(atom);
      if (part === undefined) {
        return undefined;
      }
      parts.push(part);
    }
    return { kind: "sequence", parts };
  }

  #atom(): PatternNode | undefined {
    if (this.#take("(")) {
      if (this.#next() === "?" && !this.#take("?:")) {
        return undefined;
      }
      const inner = this.choice();
      return this.#take(")") ? inner : undefined;
    }
    const set = this.#take("[") ? this.#class() : this.#take(".") ? notNewline : this.#character();
    return set === undefined ? undefined : { kind: "set", set };
  }

  #repeated(part: PatternNode): PatternNode | undefined {
    const repeat = /^(?:[*+?]|\{(\d{1,3})(?:(,)(\d{0,3}))?\})/.exec(this.#text.slice(this.#at));
    if (repeat === null) {
      return part;
    }
    const [sign, least = "", comma, most] = repeat;
    this.#at += sign.length;
    let [min, max] = [sign === "+" ? 1 : 0, sign === "?" ? 1 : Number.POSITIVE_INFINITY];
    if (sign.startsWith("{")) {
      min = Number(least);
      max = comma === undefined ? min : most === "" ? max : Number(most);
    }
    const isDoubled = "*+?{".includes(this.#next() ?? "none");
    return isDoubled || max < min || max === 0 ? undefined : { kind: "repeat", part, min, max };
  }

  /** One character or an escape of one; behind a backslash only what RE2 reads as the character itself, or a class. */
  #character(): CharacterSet | undefined {
    const isEscaped = this.#take("\\");
    const character = this.#next();
    if (character === undefined || character < " " || character > "~") {
      return undefined;
    }
    this.#at += 1;
    if (!isEscaped) {
      return special.includes(character) ? undefined : characters([character, character]);
    }
    return Object.hasOwn(classes, character)
      ? classes[character]
      : /\w/.test(character)
        ? undefined
        : characters([character, character]);
  }

  #class(): CharacterSet | undefined {
    const isNegated = this.#take("^");
    const set = new Uint8Array(128);
    let isEmpty = true;
    while (!this.#take("]")) {
      const from = this.#classItem(isEmpty);
      if (from === undefined) {
        return undefined;
      }
      isEmpty = false;
      let upTo = from;
      if (this.#next() === "-" && this.#text[this.#at + 1] !== "]") {
        this.#at += 1;
        const to = this.#classItem(false);
        if (to === undefined || count(from) !== 1 || count(to) !== 1 || to.indexOf(1) < from.indexOf(1)) {
          return undefined;
        }
        upTo = to;
      }
      if (count(from) === 1) {
        set.fill(1, from.indexOf(1), upTo.indexOf(1) + 1);
      } else {
        from.forEach((member, code) => {
          set[code] = member | (set[code] as number);
        });
      }
    }
    return isEmpty ? undefined : isNegated ? allBut(set) : set;
  }

  /** A hyphen stands for itself at either end; brackets and backslashes are escaped. */
  #classItem(isFirst: boolean): CharacterSet | undefined {
    const character = this.#next();
    if (character === "-" && (isFirst || this.#text[this.#at + 1] === "]")) {
      this.#at += 1;
      return characters(["-", "-"]);
    }
    if (character === "-" || character === "[") {
      return undefined;
    }
    if (character !== undefined && character !== "\\" && special.includes(character)) {
      this.#at += 1;
      return characters([character, character]);
    }
    return this.#character();
  }

  #next(): string | undefined {
    return this.#text[this.#at];
  }

  #take(text: string): boolean {
    const isThere = this.#text.startsWith(text, this.#at);
    this.#at += isThere ? text.length : 0;
    return isThere;
  }
}

function count(set: CharacterSet): number {
  return set.reduce((sum, member) => sum + member, 0);
}
