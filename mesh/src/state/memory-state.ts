import type { Clock } from "../clock.ts";
import { encodeState, StateConflictError, type StateEntry, type StateStore } from "./state-store.ts";

interface Stored {
  readonly text: string;
  readonly version: number;
  readonly expiresAtMs: number;
}

/** StateStore within one process, for tests: nothing survives it. Values are copied through JSON, as by a database. */
export function createMemoryState({ clock }: { readonly clock: Clock }): StateStore {
  const entries = new Map<string, Stored>();
  const live = (key: string) => {
    const stored = entries.get(key);
    return stored !== undefined && stored.expiresAtMs > clock.now() ? stored : undefined;
  };
  const write = (key: string, text: string, ttlMs: number | undefined): number => {
    const version = (live(key)?.version ?? 0) + 1;
    entries.set(key, {
      text,
      version,
      expiresAtMs: ttlMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + ttlMs,
    });
    return version;
  };
  const entryOf = ({ text, version }: Stored): StateEntry => ({ value: JSON.parse(text), version });
  return {
    get: async (key) => {
      const stored = live(key);
      return stored === undefined ? undefined : entryOf(stored);
    },
    set: async (key, value, { ttlMs, ifVersion } = {}) => {
      const text = encodeState(key, value, ttlMs);
      if (ifVersion !== undefined && (live(key)?.version ?? 0) !== ifVersion) {
        throw new StateConflictError(key, ifVersion);
      }
      return write(key, text, ttlMs);
    },
    delete: async (key) => {
      const present = live(key) !== undefined;
      entries.delete(key);
      return present;
    },
    putIfAbsent: async (key, value, { ttlMs } = {}) => {
      const text = encodeState(key, value, ttlMs);
      const existing = live(key);
      if (existing !== undefined) return { stored: false, entry: entryOf(existing) };
      return { stored: true, entry: { value: JSON.parse(text), version: write(key, text, ttlMs) } };
    },
    purgeExpired: async () => {
      const expired = [...entries.keys()].filter((key) => live(key) === undefined);
      for (const key of expired) entries.delete(key);
      return expired.length;
    },
  };
}
