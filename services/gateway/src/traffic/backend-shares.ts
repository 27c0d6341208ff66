import { Code, type ConnectError } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";

/*
 * How many calls one backend may hold open here. Backends defend themselves (the mesh's admission refuses what they cannot
 * answer in time, and its pools bound what waits for them); what nobody else sees is that a backend which has become slow
 * collects calls at the gateway until the others have no memory and no turns left. So each backend has a share of its own
 * (a bulkhead), and the last part of it is kept for calls that change something: a read is repeated more easily than what
 * somebody has just entered.
 */

/** Of a share, for reads. */
const readsShare = 0.8;
const retryAfterMs = 1000;

export class BackendShares {
  readonly #most: number;
  readonly #onShed: (peer: string) => void;
  readonly #inFlight = new Map<string, number>();

  /** `most` calls in flight per backend; `onShed` hears of each call that is refused. */
  constructor(most: number, onShed: (peer: string) => void) {
    this.#most = most;
    this.#onShed = onShed;
  }

  /** Takes a place, unless the backend has its share: then throws UNAVAILABLE (OVERLOADED), and nothing is to be sent. */
  enter(peer: string, kind: "read" | "change"): void {
    const inFlight = this.#inFlight.get(peer) ?? 0;
    if (inFlight >= (kind === "read" ? Math.ceil(this.#most * readsShare) : this.#most)) {
      this.#onShed(peer);
      throw overloaded(peer);
    }
    this.#inFlight.set(peer, inFlight + 1);
  }

  /** Gives the place back: once for each that was taken. */
  leave(peer: string): void {
    this.#inFlight.set(peer, (this.#inFlight.get(peer) ?? 1) - 1);
  }
}

function overloaded(peer: string): ConnectError {
  const error = serviceError(Code.Unavailable, "OVERLOADED", `${peer} has more calls open than it may; try again`, {
    metadata: { service: peer },
    retryAfterMs,
  });
  error.metadata.set("retry-after", String(retryAfterMs / 1000));
  return error;
}
