import type { ServerHttp2Session } from "node:http2";
import type { Clock, Timer } from "../clock.ts";
import type { Random } from "../random.ts";

/**
 * How old a connection may get. A server that asks its callers now and then to connect anew lets them find instances that
 * came later, even behind a balancer that only sees connections, and bounds how long a certificate outlives its day.
 *
 *   open ──maxMs ± 10 %──▶ asked to go (GOAWAY, and `draining` on its lanes) ──graceMs──▶ cut
 *
 * The age is jittered, because connections that were opened together, as after a deploy, would otherwise end together.
 */
export interface ConnectionAge {
  /** 0 is never. */
  readonly maxMs: number;
  /** For calls in flight; 30 s when absent, three default deadlines. */
  readonly graceMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  /** The session is being asked to go. */
  readonly onOld?: (session: ServerHttp2Session) => void;
}

const jitter = 0.1;

/** Starts the session's time; the timer that comes back ends it. */
export function startAging(session: ServerHttp2Session, age: ConnectionAge): Timer {
  const { maxMs, graceMs = 30_000, clock, random, onOld } = age;
  if (maxMs <= 0) {
    return { cancel: () => undefined };
  }
  let timer = clock.setTimer(
    () => {
      onOld?.(session);
      session.close();
      timer = clock.setTimer(() => session.destroy(), graceMs);
    },
    maxMs * (1 + jitter * (2 * random.next() - 1)),
  );
  return { cancel: () => timer.cancel() };
}
