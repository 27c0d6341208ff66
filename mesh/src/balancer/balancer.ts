import type { Outcome } from "../breaker/blame.ts";
import { Breaker, type BreakerOptions, type BreakerTransition } from "../breaker/breaker.ts";
import type { Random } from "../random.ts";
import { Candidates } from "./candidates.ts";
import type { Member } from "./member.ts";
import {
  ejectionMs,
  ejectionsAllowed,
  findOutliers,
  type OutlierOptions,
  type OutlierReason,
  outlierDefaults,
} from "./outliers.ts";
import { pickOfTwo } from "./p2c.ts";
import { shareByLoad, type ZoneOptions, zoneDefaults } from "./zone-share.ts";

/**
 * Chooses the instance for each attempt, and learns from what became of it. In this order:
 *
 * 1. A rested instance whose breaker waits for a probe gets the next first attempt: one call, after a rest that grows,
 *    is what it costs to notice a recovery. Never a retry, whose caller has waited already.
 * 2. The own zone, as far as its health and its load allow (zone-share.ts).
 * 3. Of two drawn at random the less loaded: latency × calls in flight (p2c.ts). A new or revived instance gets a growing
 *    share (slow-start.ts).
 *
 * Left out are instances that do far worse than their peers (outliers.ts); they are compared when a call notices that the
 * interval is over, so that there is no timer. When nobody qualifies, anybody worth a try is tried rather than failing
 * for sure. A choice allocates nothing: candidates.ts keeps what can be prepared.
 */
export interface BalancerOptions<M extends Member> {
  readonly random: Pick<Random, "next">;
  readonly breaker?: BreakerOptions;
  readonly outliers?: Partial<OutlierOptions>;
  readonly zone?: Partial<ZoneOptions>;
  readonly onTransition?: (member: M, group: string, transition: BreakerTransition) => void;
  readonly onEjection?: (member: M, ejection: Ejection) => void;
}

export interface Ejection {
  readonly reason: OutlierReason;
  /** The reason in words and numbers. */
  readonly detail: string;
  readonly durationMs: number;
}

export class Balancer<M extends Member> {
  readonly #options: BalancerOptions<M>;
  readonly #outliers: OutlierOptions;
  readonly #zone: ZoneOptions;
  readonly #members: M[] = [];
  readonly #groups = new Map<string, Candidates<M>>();
  /** Who is left besides those to avoid; filled anew by each choice that needs it. */
  readonly #others: M[] = [];
  #lastGroup: Candidates<M> | undefined = undefined;
  #version = 0;
  #judgeAtMs = Number.NEGATIVE_INFINITY;
  #inFlight = 0;

  constructor(options: BalancerOptions<M>) {
    this.#options = options;
    this.#outliers = { ...outlierDefaults, ...options.outliers };
    this.#zone = { ...zoneDefaults, ...options.zone };
  }

  get members(): readonly M[] {
    return this.#members;
  }

  add(member: M): void {
    this.#members.push(member);
    this.#version += 1;
  }

  remove(member: M): void {
    this.#members.splice(this.#members.indexOf(member), 1);
    this.#version += 1;
  }

  /** What the instance says of itself, or where it is. */
  describe(member: M, { ready, draining, local }: Pick<Member, "ready" | "draining" | "local">): void {
    member.ready = ready;
    member.draining = draining;
    member.local = local;
    this.#version += 1;
  }

  /** Counts the attempt there until `ended`. Undefined when nobody may be called. */
  pick(groupName: string, avoid: readonly M[] | undefined, nowMs: number): M | undefined {
    const group = this.#group(groupName);
    // What looked fine may turn out unreachable, or taken: then it is gone after the next look, so two more will do.
    for (let look = 0; look < 3; look += 1) {
      this.#refresh(group, nowMs);
      const member = this.#choose(group, avoid, nowMs);
      if (member === undefined) {
        return undefined;
      }
      if ((group.lastResort || member.reachable) && (member.breakers[group.index]?.begin(nowMs) ?? true)) {
        if (member === group.probe) {
          // Somebody else may be waiting for a probe as well.
          group.version = -1;
        }
        member.assigned += 1;
        this.#inFlight += 1;
        return member;
      }
      this.#version += 1;
    }
    return undefined;
  }

  /** The attempt is over; `latencyMs` is the time since it began. */
  ended(member: M, groupName: string, outcome: Outcome, latencyMs: number, nowMs: number): void {
    member.assigned -= 1;
    this.#inFlight -= 1;
    const tookMs = Math.max(0, latencyMs);
    const group = this.#group(groupName);
    const breaker = member.breakers[group.index] ?? this.#addBreaker(member, group);
    // First, because an instance that proves recovered forgets its past, and then learns how quick it is now.
    breaker.record(outcome, nowMs, tookMs);
    if (outcome === "success") {
      member.answered(tookMs, nowMs);
    } else if (outcome === "failure") {
      member.failed(tookMs, nowMs);
    } else {
      member.left(tookMs, nowMs);
    }
  }

  /** Whether somebody who is likely to answer is left besides these. */
  hasOther(groupName: string, than: readonly M[], nowMs: number): boolean {
    const group = this.#group(groupName);
    this.#refresh(group, nowMs);
    if (group.probe !== undefined && !than.includes(group.probe)) {
      return true;
    }
    return !group.lastResort && group.all.some((member) => !than.includes(member));
  }

  /** Whether calls of any group would go there. */
  isAvailable(member: M, nowMs: number): boolean {
    const { breakers } = member;
    return (
      this.#qualifies(member, nowMs) &&
      (breakers.length === 0 || breakers.some((breaker) => breaker?.admits(nowMs) ?? false))
    );
  }

  /** The breakers of an instance, by group. */
  breakersOf(member: M): { readonly group: string; readonly breaker: Breaker }[] {
    return [...this.#groups.values()].flatMap(({ name, index }) => {
      const breaker = member.breakers[index];
      return breaker === undefined ? [] : [{ group: name, breaker }];
    });
  }

  #group(name: string): Candidates<M> {
    // Calls come in runs of the same group, and one object is sooner compared than a string hashed.
    if (this.#lastGroup?.name === name) {
      return this.#lastGroup;
    }
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new Candidates<M>(name, this.#groups.size);
      this.#groups.set(name, group);
    }
    this.#lastGroup = group;
    return group;
  }

  #refresh(group: Candidates<M>, nowMs: number): void {
    if (group.version === this.#version && nowMs < group.validUntilMs) {
      return;
    }
    if (nowMs >= this.#judgeAtMs) {
      this.#judge(nowMs);
    }
    group.validUntilMs = this.#judgeAtMs;
    group.rebuild(this.#members, this.#zone, nowMs);
    group.version = this.#version;
  }

  #choose(group: Candidates<M>, avoid: readonly M[] | undefined, nowMs: number): M | undefined {
    if (avoid !== undefined && avoid.length > 0) {
      return this.#chooseOther(group, avoid, nowMs);
    }
    if (group.probe !== undefined) {
      return group.probe;
    }
    return pickOfTwo(this.#staysLocal(group) ? group.local : group.all, nowMs, this.#options.random);
  }

  #staysLocal({ local, all, localShare }: Candidates<M>): boolean {
    if (local.length === all.length || local.length === 0) {
      return false;
    }
    const share = Math.min(localShare, shareByLoad(this.#inFlight, local.length, all.length, this.#zone));
    return share >= 1 || this.#options.random.next() < share;
  }

  #chooseOther(group: Candidates<M>, avoid: readonly M[], nowMs: number): M | undefined {
    const others = this.#others;
    this.#fillOthers(group.local, avoid);
    if (others.length === 0) {
      this.#fillOthers(group.all, avoid);
    }
    if (others.length > 0) {
      return pickOfTwo(others, nowMs, this.#options.random);
    }
    const { probe } = group;
    return probe !== undefined && (group.all.length === 0 || !avoid.includes(probe))
      ? probe
      : pickOfTwo(group.all, nowMs, this.#options.random);
  }

  #fillOthers(members: readonly M[], avoid: readonly M[]): void {
    this.#others.length = 0;
    for (const member of members) {
      if (!avoid.includes(member)) {
        this.#others.push(member);
      }
    }
  }

  #addBreaker(member: M, group: Candidates<M>): Breaker {
    const { breaker: options, random, onTransition } = this.#options;
    const breaker = new Breaker({
      ...(options === undefined ? {} : { options }),
      random,
      onTransition: (transition) => {
        this.#version += 1;
        if (transition.reason === "probe_ok") {
          member.revive(transition.atMs);
        }
        onTransition?.(member, group.name, transition);
      },
    });
    // A hole in the array would make every later access slow.
    while (member.breakers.length <= group.index) {
      member.breakers.push(undefined);
    }
    member.breakers[group.index] = breaker;
    return breaker;
  }

  /** Compares the instances, unless traffic has paused for so long that the counts tell of another time. */
  #judge(nowMs: number): void {
    const { intervalMs, minCalls } = this.#outliers;
    const ejected = nowMs < this.#judgeAtMs + intervalMs ? this.#ejectOutliers(nowMs) : [];
    for (const member of this.#members) {
      if (member.calls >= minCalls && !ejected.includes(member)) {
        member.ejections = Math.max(0, member.ejections - 1);
      }
      member.beginInterval();
    }
    this.#judgeAtMs = nowMs + intervalMs;
    this.#version += 1;
  }

  #ejectOutliers(nowMs: number): readonly M[] {
    const compared = this.#members.filter((member) => this.#qualifies(member, nowMs));
    const readings = compared.map(({ calls, failures, intervalLatencyMs }) => ({
      calls,
      failures,
      latencyMs: intervalLatencyMs,
    }));
    const out = this.#members.filter((member) => !this.isAvailable(member, nowMs)).length;
    const allowed = ejectionsAllowed(this.#members.length, out, this.#outliers);
    return findOutliers(readings, this.#outliers)
      .slice(0, allowed)
      .map(({ index, reason, detail }) => {
        const member = compared[index] as M;
        member.ejections += 1;
        const durationMs = ejectionMs(member.ejections, this.#outliers);
        member.ejectedUntilMs = nowMs + durationMs;
        this.#options.onEjection?.(member, { reason, detail, durationMs });
        return member;
      });
  }

  #qualifies(member: M, nowMs: number): boolean {
    return member.ready && member.reachable && nowMs >= member.ejectedUntilMs;
  }
}
