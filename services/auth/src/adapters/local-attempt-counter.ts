/**
 * Counts attempts in this process alone: what is left while Redis is away, and then an attacker gets at most the limit
 * from each instance.
 *
 * It is a table of fixed size, found by a hash of the key, so no flood of names can grow it or push others out. Keys that
 * meet in one place count together, which errs on the side of waiting: with 65 536 places (1 MiB) a thousand keys in use
 * make it likely for one login in seventy, and it takes ten failures to be noticed.
 */
import { createHash, randomBytes } from "node:crypto";
import { attemptLimits, type CountedKey, counted, remainingWaitMs, waitAfterMs } from "../domain/attempt-limits.ts";
import type { AttemptCounter } from "../domain/ports.ts";

const places = 65_536;

export function createLocalAttemptCounter(): AttemptCounter {
  // Without a secret, keys could be chosen that meet a victim's.
  const secret = randomBytes(16);
  const counts = new Float64Array(places);
  const lastAtMs = new Float64Array(places);
  const placeOf = ({ kind, id }: CountedKey): number =>
    createHash("sha256").update(secret).update(`${kind} ${id}`).digest().readUInt16BE(0);
  const at = (place: number) => ({ count: counts[place] ?? 0, lastAtMs: lastAtMs[place] ?? 0 });

  return {
    async take(keys, nowMs) {
      const found = keys.map((key) => ({ place: placeOf(key), limit: attemptLimits[key.kind] }));
      const waitMs = Math.max(0, ...found.map(({ place, limit }) => remainingWaitMs(at(place), nowMs, limit)));
      if (waitMs > 0) {
        return { admitted: false, waitMs };
      }
      const nextWaitsMs = found.map(({ place, limit }) => {
        const after = counted(at(place), nowMs, limit);
        counts[place] = after.count;
        lastAtMs[place] = nowMs;
        return waitAfterMs(after.count, limit);
      });
      return { admitted: true, waitMs: Math.max(0, ...nextWaitsMs) };
    },
    async takeBack(keys) {
      for (const place of keys.map(placeOf)) {
        counts[place] = Math.max(0, (counts[place] ?? 0) - 1);
      }
    },
    async forget(keys) {
      for (const place of keys.map(placeOf)) {
        counts[place] = 0;
      }
    },
  };
}
