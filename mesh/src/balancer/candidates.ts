import type { Breaker } from "../breaker/breaker.ts";
import type { Member } from "./member.ts";
import { shareByHealth, type ZoneOptions } from "./zone-share.ts";

/**
 * Whom a call of one method group may go to: prepared arrays, so that a choice filters nothing. They hold until something
 * changes (`version`) or time changes something (`validUntilMs`: a rest is over, an ejection ends, a probe is forgotten,
 * an instance that could not be reached is looked at again).
 */

/** How long an instance that cannot be reached is left alone; its pool dials again no sooner than that. */
const lookAgainMs = 50;

export class Candidates<M extends Member> {
  /** Of the methods that share a breaker. */
  readonly name: string;
  /** Where the members keep the group's breakers. */
  readonly index: number;
  /** Of the balancer's state that this was made from. */
  version = -1;
  validUntilMs = 0;
  /** Ready, healthy, reachable, admitted, not left out; or, when there is none, whoever is worth a try. */
  readonly all: M[] = [];
  /** Those of them in this zone. */
  readonly local: M[] = [];
  /** Rested, and waiting for one call that shows whether it recovered. */
  probe: M | undefined = undefined;
  /** Nobody qualified. */
  lastResort = false;
  /** The share of the calls that the zone's health allows to stay in it. */
  localShare = 1;

  constructor(name: string, index: number) {
    this.name = name;
    this.index = index;
  }

  rebuild(members: readonly M[], zone: ZoneOptions, nowMs: number): void {
    this.all.length = 0;
    this.local.length = 0;
    this.probe = undefined;
    this.lastResort = false;
    let localKnown = 0;
    for (const member of members) {
      localKnown += member.local && !member.draining ? 1 : 0;
      if (!this.#canBeCalled(member, nowMs)) {
        member.wasOut = true;
        continue;
      }
      if (member.wasOut) {
        member.revive(nowMs);
      }
      this.#add(member, nowMs);
    }
    this.localShare = shareByHealth(this.local.length, localKnown, zone);
    if (this.all.length === 0 && this.probe === undefined) {
      this.#lastResort(members, nowMs);
    }
  }

  #canBeCalled(member: M, nowMs: number): boolean {
    if (!member.ready) {
      return false;
    }
    if (!member.reachable) {
      this.#until(nowMs + lookAgainMs);
      return false;
    }
    if (nowMs < member.ejectedUntilMs) {
      this.#until(member.ejectedUntilMs);
      return false;
    }
    return true;
  }

  #add(member: M, nowMs: number): void {
    const breaker = member.breakers[this.index];
    if (breaker === undefined || breaker.state(nowMs) === "admitting") {
      this.all.push(member);
      if (member.local) {
        this.local.push(member);
      }
    } else if (breaker.admits(nowMs)) {
      this.probe ??= member;
    } else {
      this.#until(breaker.admitsAtMs);
    }
  }

  /** Health reports can be wrong, and an attempt is cheap; only a breaker is believed, since it has tried. */
  #lastResort(members: readonly M[], nowMs: number): void {
    this.lastResort = true;
    this.#until(nowMs + lookAgainMs);
    for (const takesDraining of [false, true]) {
      for (const member of members) {
        const breaker: Breaker | undefined = member.breakers[this.index];
        if ((takesDraining || !member.draining) && (breaker === undefined || breaker.admits(nowMs))) {
          this.all.push(member);
        }
      }
      if (this.all.length > 0) {
        return;
      }
    }
  }

  #until(ms: number): void {
    if (ms < this.validUntilMs) {
      this.validUntilMs = ms;
    }
  }
}
