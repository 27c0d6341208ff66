import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ChildCalls, type Clock } from "@weft/mesh";
import { type ClientWait, nobodyWaits } from "../upstream/client-wait.ts";

/*
 * Identical reads that are under way at the same time become one call to the service: ten tabs that wake up together, or a
 * client that asks again because the answer is slow. Identical are the method and the message to the byte (over REST: its method,
 * path and query), and the credentials, so nobody is ever given what was read for somebody else.
 *
 *   first ──starts──▶ flight ──answered──▶ all who wait have it
 *   next  ──joins──▶    │
 *                       └──the last one left──▶ cancelled
 *
 * A joined answer may be as old as its flight. So that nobody misses their own change, a flight is not joined once a call of
 * the same credentials that may have changed something has ended; nor when it is older than `joinMs`, which also bounds what
 * a change by others can be missed by, and lets the call give each who waits the time that it asked for.
 */

/** A flight is given this much more time than its first caller asks for, and may be joined as long. */
export const joinMs = 1000;

interface Waiting {
  resolve(answer: Message): void;
  reject(error: unknown): void;
}

interface Flight {
  readonly startedAtMs: number;
  readonly endsAtMs: number;
  /** The call, to be ended when nobody waits for it. */
  readonly calls: ChildCalls;
  readonly waiting: Waiting[];
  ended: boolean;
}

/** A read: whose it is, which, and how it is made. */
export interface SharedRead {
  readonly credentials: string;
  /** Names it among those of the same credentials. */
  readonly key: string;
  /** Makes the call. It has to give up `joinMs` after its reader would, and ends with `calls`. */
  readonly call: (calls: ChildCalls) => Promise<Message>;
  /** Hears of the answer, once, unless something may have changed while it was under way. */
  readonly keep?: ((answer: Message) => void) | undefined;
}

export class SharedReads {
  readonly #clock: Clock;
  /** By credentials, then by method and message. */
  readonly #flights = new Map<string, Map<string, Flight>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The answer to the read, made unless the same one is under way. Rejects with CANCELED when the reader leaves. */
  read(read: SharedRead, reader: ClientWait): Promise<Message> {
    return new Promise((resolve, reject) => {
      const flight = this.#joinable(read, reader) ?? this.#start(read, reader);
      const waiting = { resolve, reject };
      flight.waiting.push(waiting);
      reader.begin(() => this.#leave(read, flight, waiting));
    });
  }

  /** Something may have changed for these credentials: what is under way is joined by nobody from now on. */
  fence(credentials: string): void {
    this.#flights.delete(credentials);
  }

  #leave(read: SharedRead, flight: Flight, who: Waiting): void {
    if (flight.ended) {
      return;
    }
    flight.waiting.splice(flight.waiting.indexOf(who), 1);
    who.reject(new ConnectError("the client waits no longer", Code.Canceled));
    if (flight.waiting.length === 0) {
      this.#forget(read, flight);
      flight.calls.end(nobodyWaits());
    }
  }

  #joinable({ credentials, key }: SharedRead, { timeoutMs }: ClientWait): Flight | undefined {
    const flight = this.#flights.get(credentials)?.get(key);
    if (flight === undefined) {
      return undefined;
    }
    const nowMs = this.#clock.monotonicMs();
    return nowMs - flight.startedAtMs <= joinMs && nowMs + timeoutMs <= flight.endsAtMs ? flight : undefined;
  }

  #start(read: SharedRead, { startedAtMs, timeoutMs }: ClientWait): Flight {
    const endsAtMs = startedAtMs + timeoutMs + joinMs;
    const flight: Flight = { startedAtMs, endsAtMs, calls: new ChildCalls(), waiting: [], ended: false };
    const own = this.#flights.get(read.credentials) ?? new Map<string, Flight>();
    own.set(read.key, flight);
    this.#flights.set(read.credentials, own);
    read.call(flight.calls).then(
      (answer) => {
        const isUnchanged = this.#landed(read, flight);
        for (const { resolve } of flight.waiting) {
          resolve(answer);
        }
        if (isUnchanged) {
          read.keep?.(answer);
        }
      },
      (error: unknown) => {
        this.#landed(read, flight);
        for (const { reject } of flight.waiting) {
          reject(error);
        }
      },
    );
    return flight;
  }

  /** Whether nothing may have changed since it began. */
  #landed(read: SharedRead, flight: Flight): boolean {
    flight.ended = true;
    return this.#forget(read, flight);
  }

  /** Whether it was the one to join until now. */
  #forget({ credentials, key }: SharedRead, flight: Flight): boolean {
    const own = this.#flights.get(credentials);
    if (own?.get(key) !== flight) {
      return false;
    }
    own.delete(key);
    if (own.size === 0) {
      this.#flights.delete(credentials);
    }
    return true;
  }
}
