/**
 * The trail of decisions about permissions (ASVS 16.3.2): every refusal, and what the role of an administrator alone
 * allowed. Deciding only counts, in memory; a flush, now and then, writes. So a decision is neither slowed down nor failed by
 * its trail, and somebody who is refused a thousand times a second leaves a row a minute: the first refusal is written with
 * the next flush, what is decided alike within a minute after that is one row with a count. What is not written when the
 * process is killed is lost; what the store does not take is kept and tried again.
 *
 * Memory is bounded twice. A user with too many different decisions (who walks through ids, say) gets one entry that names
 * none of them, so nobody can push the decisions about others out. With too many entries in all, decisions are dropped, and
 * counted as that.
 */
import type { Role } from "./permissions.ts";
import type { WallClock } from "./ports.ts";

export interface PermissionDecision {
  readonly kind: "permission_denied" | "permission_by_admin";
  readonly userId: string;
  readonly permission: string;
  /** Empty for what holds everywhere. */
  readonly resource: string;
  /** The role that allowed it, or the one on the resource that did not; empty for none. */
  readonly role: Role | "";
}

/** A decision that was taken `count` times, the last time at `atMs`. */
export interface CountedDecision extends PermissionDecision {
  readonly count: number;
  readonly atMs: number;
}

/** Where decisions are kept. */
export interface DecisionLog {
  /** Stores all or rejects. */
  write(decisions: readonly CountedDecision[]): Promise<void>;
  /** Tells that so many decisions will never be written. */
  dropped(count: number): void;
}

interface Entry {
  readonly key: string;
  decision: PermissionDecision;
  count: number;
  lastAtMs: number;
  /** Undefined until the first row. */
  writtenAtMs: number | undefined;
}

export interface DecisionTrailOptions {
  readonly log: DecisionLog;
  readonly clock: WallClock;
  /** Different decisions within a minute. Default 5000, of about 300 bytes. */
  readonly entriesMax?: number;
  /** The same for one user. Default 100. */
  readonly entriesPerUserMax?: number;
}

const rowEveryMs = 60_000;

export class DecisionTrail {
  readonly #log: DecisionLog;
  readonly #clock: WallClock;
  readonly #entriesMax: number;
  readonly #entriesPerUserMax: number;
  readonly #entries = new Map<string, Entry>();
  readonly #entriesOfUser = new Map<string, number>();
  #dropped = 0;
  #flushing: Promise<void> = Promise.resolve();

  constructor({ log, clock, entriesMax = 5000, entriesPerUserMax = 100 }: DecisionTrailOptions) {
    this.#log = log;
    this.#clock = clock;
    this.#entriesMax = entriesMax;
    this.#entriesPerUserMax = entriesPerUserMax;
  }

  /** Counts the decision; never throws. */
  record(decision: PermissionDecision): void {
    const entry = this.#find(decision) ?? this.#find({ ...decision, permission: "", resource: "", role: "" });
    if (entry === undefined) {
      this.#dropped += 1;
      return;
    }
    entry.count += 1;
    entry.lastAtMs = this.#clock.now();
  }

  /** Writes what is due, or with `all` everything. Rejects when the store does; then nothing is lost. */
  flush({ all = false } = {}): Promise<void> {
    const flushed = this.#flushing.then(() => this.#flush(all));
    this.#flushing = flushed.catch(() => undefined);
    return flushed;
  }

  async #flush(all: boolean): Promise<void> {
    if (this.#dropped > 0) {
      this.#log.dropped(this.#dropped);
      this.#dropped = 0;
    }
    const nowMs = this.#clock.now();
    const batch: { entry: Entry; row: CountedDecision }[] = [];
    for (const entry of this.#entries.values()) {
      const due = all || entry.writtenAtMs === undefined || nowMs - entry.writtenAtMs >= rowEveryMs;
      if (due && entry.count > 0) {
        batch.push({ entry, row: { ...entry.decision, count: entry.count, atMs: entry.lastAtMs } });
      } else if (due) {
        this.#forget(entry);
      }
    }
    if (batch.length === 0) {
      return;
    }
    await this.#log.write(batch.map(({ row }) => row));
    for (const { entry, row } of batch) {
      // What was decided while the row was written is for the next one.
      entry.count -= row.count;
      entry.writtenAtMs = nowMs;
    }
  }

  /** The entry to count in, new if need be; undefined when there is no room for one. */
  #find(decision: PermissionDecision): Entry | undefined {
    const { kind, userId, permission, resource, role } = decision;
    const key = `${kind} ${permission} ${resource} ${userId}`;
    const found = this.#entries.get(key);
    if (found !== undefined) {
      if (found.decision.role !== role) {
        found.decision = decision;
      }
      return found;
    }
    const ofUser = this.#entriesOfUser.get(userId) ?? 0;
    const nameless = permission === "";
    if (this.#entries.size >= this.#entriesMax || (ofUser >= this.#entriesPerUserMax && !nameless)) {
      return undefined;
    }
    const entry: Entry = { key, decision, count: 0, lastAtMs: 0, writtenAtMs: undefined };
    this.#entries.set(key, entry);
    this.#entriesOfUser.set(userId, ofUser + 1);
    return entry;
  }

  #forget(entry: Entry): void {
    const { userId } = entry.decision;
    this.#entries.delete(entry.key);
    const left = (this.#entriesOfUser.get(userId) ?? 1) - 1;
    if (left > 0) {
      this.#entriesOfUser.set(userId, left);
    } else {
      this.#entriesOfUser.delete(userId);
    }
  }
}
