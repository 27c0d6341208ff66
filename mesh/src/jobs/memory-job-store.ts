/** JobStore within one process, for tests: nothing survives it, and time is the clock's. */
import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";
import { type ClaimedJob, type JobStore, nextRunAtMs, type RecurringJob, type StoredJob } from "./job-store.ts";

interface Entry {
  readonly id: string;
  readonly key: string | undefined;
  name: string;
  payload: unknown;
  maxAttempts: number;
  intervalMs: number | undefined;
  runAtMs: number;
  dueAtMs: number;
  attempt: number;
  fence: number;
  state: "waiting" | "running" | "dead";
  error: string;
}

export interface MemoryJobStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
}

export function createMemoryJobStore({ clock, random }: MemoryJobStoreOptions): JobStore {
  const jobs = new Map<string, Entry>();
  const listeners = new Set<() => void>();
  const byKey = (key: string) => [...jobs.values()].find((entry) => entry.key === key);
  const changed = () => {
    for (const listener of listeners) queueMicrotask(listener);
  };
  const held = (claim: ClaimedJob) => {
    const entry = jobs.get(claim.id);
    return entry?.state === "running" && `${entry.fence}` === claim.fence ? entry : undefined;
  };
  const waiting = (runAtMs: number) => ({
    runAtMs,
    dueAtMs: runAtMs,
    attempt: 0,
    state: "waiting" as const,
    error: "",
  });

  const put = (job: StoredJob & { intervalMs?: number }): string => {
    const existing = job.key === undefined ? undefined : byKey(job.key);
    const id = existing?.id ?? random.id();
    jobs.set(id, {
      id,
      key: job.key,
      name: job.name,
      payload: structuredClone(job.payload),
      maxAttempts: job.maxAttempts,
      intervalMs: job.intervalMs,
      fence: (existing?.fence ?? 0) + 1,
      ...waiting(job.runAtMs),
    });
    changed();
    return id;
  };

  const putRecurring = ({ name, key, payload, maxAttempts, intervalMs }: RecurringJob) => {
    const existing = byKey(key);
    if (existing?.intervalMs !== intervalMs) {
      put({ name, key, payload, maxAttempts, intervalMs, runAtMs: clock.now() + intervalMs });
    } else Object.assign(existing, { name, payload: structuredClone(payload), maxAttempts });
  };

  return {
    put: async (job) => put(job),
    putRecurring: async (job) => putRecurring(job),
    remove: async (key) => {
      const entry = byKey(key);
      return entry !== undefined && entry.state !== "dead" && jobs.delete(entry.id);
    },
    claim: async (names, limit, leaseMs) => {
      const due = [...jobs.values()]
        .filter((entry) => entry.state !== "dead" && names.includes(entry.name) && entry.dueAtMs <= clock.now())
        .sort((one, other) => one.dueAtMs - other.dueAtMs)
        .slice(0, limit);
      return due.map((entry): ClaimedJob => {
        entry.state = "running";
        entry.attempt++;
        entry.fence++;
        // While it runs, due is when the lease ends.
        entry.dueAtMs = clock.now() + leaseMs;
        const { id, name, key, attempt, maxAttempts, runAtMs } = entry;
        const payload = structuredClone(entry.payload);
        const recurring = entry.intervalMs !== undefined;
        return { id, name, key, payload, attempt, maxAttempts, recurring, runAtMs, fence: `${entry.fence}` };
      });
    },
    settle: async (claim, outcome) => {
      const entry = held(claim);
      if (entry === undefined) return false;
      const error = outcome.kind === "done" ? "" : outcome.error;
      if (outcome.kind === "retry") {
        Object.assign(entry, { state: "waiting", error, dueAtMs: clock.now() + outcome.delayMs });
      } else if (entry.intervalMs !== undefined) {
        Object.assign(entry, waiting(nextRunAtMs(entry.runAtMs, entry.intervalMs, clock.now())), { error });
      } else if (outcome.kind === "done") jobs.delete(entry.id);
      else Object.assign(entry, { state: "dead", error });
      return true;
    },
    renew: async (claim, leaseMs) => {
      const entry = held(claim);
      if (entry !== undefined) entry.dueAtMs = clock.now() + leaseMs;
      return entry !== undefined;
    },
    nextDueInMs: async (names) => {
      const pending = [...jobs.values()].filter((entry) => entry.state !== "dead" && names.includes(entry.name));
      if (pending.length === 0) return undefined;
      return Math.max(0, Math.min(...pending.map((entry) => entry.dueAtMs)) - clock.now());
    },
    dead: async (limit) =>
      [...jobs.values()]
        .filter((entry) => entry.state === "dead")
        .slice(0, limit)
        .map(({ id, name, key, payload, attempt, error }) => ({ id, name, key, payload, attempts: attempt, error })),
    revive: async (id) => {
      const entry = jobs.get(id);
      if (entry?.state !== "dead") return false;
      Object.assign(entry, { state: "waiting", attempt: 0, dueAtMs: clock.now(), fence: entry.fence + 1 });
      changed();
      return true;
    },
    discard: async (id) => jobs.get(id)?.state === "dead" && jobs.delete(id),
    counts: async () => {
      const count = (test: (entry: Entry) => boolean) => [...jobs.values()].filter(test).length;
      const isDue = (entry: Entry) => entry.state !== "dead" && entry.dueAtMs <= clock.now();
      return {
        due: count(isDue),
        scheduled: count((entry) => entry.state === "waiting" && !isDue(entry)),
        running: count((entry) => entry.state === "running" && !isDue(entry)),
        dead: count((entry) => entry.state === "dead"),
      };
    },
    onChange: async (listener) => {
      listeners.add(listener);
      return async () => void listeners.delete(listener);
    },
  };
}
