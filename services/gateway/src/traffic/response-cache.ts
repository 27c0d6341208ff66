import { type DescMethod, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import type { Clock } from "@weft/mesh";
import { type ResponseCache as CacheOption, response_cache } from "@weft/proto/weft/options/v1/response_cache_pb.ts";

/*
 * Answers that may be given again for a while, where a method's contract says so (weft.options.v1.response_cache). They are
 * kept by the credentials they were given to, or for everybody where the contract calls them public, and a user's are
 * forgotten as soon as that user calls something that may change them. Bounded in bytes: what was used longest ago goes first.
 */

interface Entry {
  readonly owner: string;
  readonly answer: Message;
  readonly bytes: number;
  readonly untilMs: number;
}

/** What an entry costs besides its answer and its key: the objects around them. */
const entryBytes = 256;

export class ResponseCache {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  /** The one used longest ago first. */
  readonly #entries = new Map<string, Entry>();
  readonly #keysOf = new Map<string, Set<string>>();
  #bytes = 0;

  constructor(clock: Clock, maxBytes: number) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(owner: string, key: string): Message | undefined {
    const name = nameOf(owner, key);
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      return undefined;
    }
    this.#entries.delete(name);
    if (this.#clock.monotonicMs() >= entry.untilMs) {
      this.#dropped(name, entry);
      return undefined;
    }
    this.#entries.set(name, entry);
    return entry.answer;
  }

  /** `answerBytes` is the size of the answer as it is kept. */
  put(
    owner: string,
    key: string,
    answer: Message,
    { answerBytes, forMs }: { answerBytes: number; forMs: number },
  ): void {
    const name = nameOf(owner, key);
    const entry = {
      owner,
      answer,
      bytes: entryBytes + answerBytes + 2 * name.length,
      untilMs: this.#clock.monotonicMs() + forMs,
    };
    if (entry.bytes > this.#maxBytes) {
      return;
    }
    this.#drop(name);
    this.#entries.set(name, entry);
    this.#bytes += entry.bytes;
    const keys = this.#keysOf.get(owner) ?? new Set();
    this.#keysOf.set(owner, keys.add(name));
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) {
        break;
      }
      this.#drop(oldest);
    }
  }

  /** Forgets what was kept for these credentials. */
  forget(owner: string): void {
    for (const name of this.#keysOf.get(owner) ?? []) {
      this.#drop(name);
    }
  }

  #drop(name: string): void {
    const entry = this.#entries.get(name);
    if (entry !== undefined) {
      this.#entries.delete(name);
      this.#dropped(name, entry);
    }
  }

  #dropped(name: string, { owner, bytes }: Entry): void {
    this.#bytes -= bytes;
    const keys = this.#keysOf.get(owner);
    keys?.delete(name);
    if (keys?.size === 0) {
      this.#keysOf.delete(owner);
    }
  }
}

/** Header values have no line ends, so that no two pairs have the same name. */
function nameOf(owner: string, key: string): string {
  return `${owner}\n${key}`;
}

/** What clients and caches between are told of an answer; undefined for methods whose answers are not to be kept. */
export function cacheControlOf(method: DescMethod): string | undefined {
  const option = cacheOptionOf(method);
  return option === undefined ? undefined : `${option.public ? "public" : "private"}, max-age=${option.seconds}`;
}

/** How long answers of a method may be kept, and for whom; undefined for those that may not. */
export function cacheOptionOf(method: DescMethod): CacheOption | undefined {
  if (!optionOf.has(method)) {
    const option = hasOption(method, response_cache) ? getOption(method, response_cache) : undefined;
    optionOf.set(method, option === undefined || option.seconds === 0 ? undefined : option);
  }
  return optionOf.get(method);
}

/** Reading an option decodes it each time, which calls should not wait for. */
const optionOf = new WeakMap<DescMethod, CacheOption | undefined>();
