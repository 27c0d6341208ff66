import { createHash } from "node:crypto";
import type { Redis } from "ioredis";

/*
 * A Lua script, sent by its digest, and in full where the server may not have it: first on each socket, since a server that
 * was away comes back without it, and again when it says so (NOSCRIPT), because somebody flushed its scripts.
 *
 * Calls on one connection are carried out in the order in which they were made, as plain commands would be. For what was
 * refused that takes care: a call made meanwhile would find the script brought by the first repetition and overtake the
 * refused ones whose replies are still on their way. So after a refusal nothing new is sent until every call under way has
 * its reply; then all of them go out as they were made, the first one in full. One case is left: another client brings the
 * script between two of our calls that were under way when it was flushed, so that the second one finds it.
 */
export class RedisScript {
  readonly #source: string;
  readonly #digest: string;
  readonly #lines = new WeakMap<Redis, Line>();

  constructor(source: string) {
    this.#source = source;
    this.#digest = createHash("sha1").update(source).digest("hex");
  }

  /** Runs it; the reply is what the script returns. */
  run(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    let line = this.#lines.get(redis);
    if (line === undefined) {
      line = { knownOn: undefined, underWay: 0, refused: [], held: [] };
      this.#lines.set(redis, line);
    }
    return line.refused.length > 0 ? later(line.held, keys, args) : this.#send(redis, line, keys, args);
  }

  async #send(redis: Redis, line: Line, keys: Call["keys"], args: Call["args"]): Promise<unknown> {
    const isKnown = line.knownOn === redis.stream;
    // Otherwise the call fails unsent.
    if (redis.status === "ready") line.knownOn = redis.stream;
    let again: Promise<unknown> | undefined;
    line.underWay += 1;
    try {
      return isKnown
        ? await redis.evalsha(this.#digest, keys.length, ...keys, ...args)
        : await redis.eval(this.#source, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      again = later(line.refused, keys, args);
    } finally {
      line.underWay -= 1;
      if (line.underWay === 0 && line.refused.length > 0) this.#repeat(redis, line);
    }
    return again;
  }

  #repeat(redis: Redis, line: Line): void {
    const calls = [...line.refused, ...line.held];
    line.refused = [];
    line.held = [];
    line.knownOn = undefined;
    for (const { keys, args, resolve } of calls) resolve(this.#send(redis, line, keys, args));
  }
}

/** A script on one connection. */
interface Line {
  /** The socket on which the script was sent in full: whatever follows there finds it. */
  knownOn: Redis["stream"] | undefined;
  /** Calls that have no reply. */
  underWay: number;
  /** Calls for which the server did not know the script, in their order, until they are sent again. */
  refused: Call[];
  /** Calls made since the first of those. */
  held: Call[];
}

interface Call {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  readonly resolve: (reply: Promise<unknown>) => void;
}

function later(calls: Call[], keys: Call["keys"], args: Call["args"]): Promise<unknown> {
  return new Promise((resolve) => calls.push({ keys, args, resolve }));
}
