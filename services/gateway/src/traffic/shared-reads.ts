import type { Message } from "@bufbuild/protobuf";
import type { Clock } from "@weft/mesh";

/*
 * Identical reads that are under way at the same time become one call to the service: ten tabs that wake up together, or a
 * client that asks again because the answer is slow. Identical are the method, the message to the byte, and the credentials,
 * so nobody is ever given what was read for somebody else.
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

interface Flight {
  readonly startedAtMs: number;
  readonly endsAtMs: number;
  readonly controller: AbortController;
  readonly answer: Promise<Message>;
  ended: boolean;
  waiting: number;
}

export interface Reader {
  /** Aborts when who waits has gone or their time is over. */
  readonly signal: AbortSignal;
  /** What they are ready to wait, at most. */
  readonly timeoutMs: number;
}

export class SharedReads {
  readonly #clock: Clock;
  /** By credentials, then by method and message. */
  readonly #flights = new Map<string, Map<string, Flight>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The answer to the read named `key`, made for these credentials by `call` unless one is under way; `call` has to give up
   * after `joinMs` more than its reader waits. Rejects with the signal's reason when the reader leaves. `keep` hears of the
   * answer, once, unless something may have changed while it was under way.
   */
  read(
    credentials: string,
    key: string,
    reader: Reader,
    call: (signal: AbortSignal) => Promise<Message>,
    keep?: (answer: Message) => void,
  ): Promise<Message> {
    const flight = this.#joinable(credentials, key, reader) ?? this.#start(credentials, key, reader, call, keep);
    const { signal } = reader;
    flight.waiting += 1;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        signal.removeEventListener("abort", onAbort);
        flight.waiting -= 1;
        if (flight.waiting === 0 && !flight.ended) {
          this.#forget(credentials, key, flight);
          flight.controller.abort(new DOMException("nobody waits any longer", "AbortError"));
        }
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason);
      };
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener("abort", onAbort, { once: true });
      flight.answer.then(
        (answer) => {
          if (!signal.aborted) {
            leave();
            resolve(answer);
          }
        },
        (error: unknown) => {
          if (!signal.aborted) {
            leave();
            reject(error);
          }
        },
      );
    });
  }

  /** Something may have changed for these credentials: what is under way is joined by nobody from now on. */
  fence(credentials: string): void {
    this.#flights.delete(credentials);
  }

  #joinable(credentials: string, key: string, { timeoutMs }: Reader): Flight | undefined {
    const flight = this.#flights.get(credentials)?.get(key);
    if (flight === undefined) {
      return undefined;
    }
    const nowMs = this.#clock.monotonicMs();
    return nowMs - flight.startedAtMs <= joinMs && nowMs + timeoutMs <= flight.endsAtMs ? flight : undefined;
  }

  #start(
    credentials: string,
    key: string,
    { timeoutMs }: Reader,
    call: (signal: AbortSignal) => Promise<Message>,
    keep: ((answer: Message) => void) | undefined,
  ): Flight {
    const controller = new AbortController();
    const startedAtMs = this.#clock.monotonicMs();
    const answer = call(controller.signal).then(
      (message) => {
        flight.ended = true;
        if (this.#forget(credentials, key, flight)) {
          keep?.(message);
        }
        return message;
      },
      (error: unknown) => {
        flight.ended = true;
        this.#forget(credentials, key, flight);
        throw error;
      },
    );
    const endsAtMs = startedAtMs + timeoutMs + joinMs;
    const flight: Flight = { startedAtMs, endsAtMs, controller, answer, ended: false, waiting: 0 };
    const own = this.#flights.get(credentials) ?? new Map<string, Flight>();
    own.set(key, flight);
    this.#flights.set(credentials, own);
    return flight;
  }

  /** Whether it was the one to join until now. */
  #forget(credentials: string, key: string, flight: Flight): boolean {
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
