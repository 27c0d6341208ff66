/**
 * The ceiling on connections of one process, and who gets them when there are not enough: the global scaler that all pools
 * share (POOL-05 to POOL-08, POOL-15). A pool asks before every dial and gives its place back when the connection has
 * closed, so that a registry gone wild or a burst cannot exhaust file descriptors.
 *
 * Below the ceiling a place is given at once. At the ceiling the pool leaves a claim, and a pool that ranks behind it is
 * asked to give up a connection. That one drains first, calls and all; only when it has closed does its place go to the
 * first claim. Claims are served by priority (0 goes first), then by age; a claim for several places goes behind its
 * equals after each.
 *
 *   claim ──▶ victim drains a connection ──▶ it closes ──▶ its place ──▶ first claim ──▶ dial
 *
 * Who gives: the lowest priority first, of equals the pool with most connections. A pool may be taken below its minimum,
 * which is a wish and not a right. Its last connection is taken only when nobody has two, and only for a pool that has none
 * at all, or for load on the highest priority there is, which always gets what it needs (POOL-08). Pools of the same
 * priority share: one takes from another that has at least two more, so they end up even and neither can take back.
 *
 * Nothing oscillates: a pool never takes from one that ranks before it, so what it gave up comes back only when the other
 * has let go (five quiet minutes) or a place falls free. Connections that drain for any reason count as places to come; one
 * that has drained for longer than `patienceMs` (a stream that does not end) is no longer counted on, and another is asked.
 */

/** A pool, as the budget sees it. */
export interface BudgetMember {
  /** 0 goes first. */
  readonly priority: number;
  /** Connections that it would keep: open or being opened. */
  readonly connections: number;
  /** A place has come free for it. True when it takes it, to be given back when done; false when it needs none. */
  takePlace(place: Place): boolean;
  /** Lets one connection drain for a pool that goes before it. False when it has none. */
  giveUp(): boolean;
}

/** The right to one connection, from before the dial until the connection has closed. */
export class Place {
  /** Since when its connection drains; undefined until then. */
  leavingSinceMs: number | undefined = undefined;
  returned = false;
}

interface Claim {
  readonly member: BudgetMember;
  /** Places that it still needs. */
  count: number;
  /** For load, and not only to be warm. */
  urgent: boolean;
  /** How many of them are on their way. */
  coming: number;
}

/** Draining takes as long as the calls on the connection, whose deadline is 10 s when nobody sets one. */
const patienceMs = 5000;

export class ConnectionBudget {
  readonly limit: number;
  #allocated = 0;
  readonly #members: BudgetMember[] = [];
  /** In the order in which they are served. */
  #claims: Claim[] = [];
  readonly #leaving = new Set<Place>();
  #settling = false;
  #unsettled = false;

  /** 1000 when absent (POOL-05). */
  constructor(limit = 1000) {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new RangeError(`the connection limit is ${limit}; it takes a whole number from 1`);
    }
    this.limit = limit;
  }

  get allocated(): number {
    return this.#allocated;
  }

  /** Places that pools wait for. */
  get claimed(): number {
    let sum = 0;
    for (const { count } of this.#claims) {
      sum += count;
    }
    return sum;
  }

  join(member: BudgetMember): void {
    this.#members.push(member);
  }

  /** The pool opens nothing more and gives nothing up; the places that it still holds come back one by one. */
  leave(member: BudgetMember): void {
    const index = this.#members.indexOf(member);
    if (index >= 0) {
      this.#members.splice(index, 1);
      this.#drop(member);
    }
  }

  /** Takes a place; undefined at the ceiling, and when a free one belongs to a claim that goes first. */
  tryAllocate(member: BudgetMember): Place | undefined {
    if (this.#allocated >= this.limit) {
      return undefined;
    }
    for (const claim of this.#claims) {
      if (claim.member !== member && claim.member.priority <= member.priority) {
        return undefined;
      }
    }
    return this.#allocate();
  }

  /**
   * Says how many places a pool needs beyond those it has, and whether for load (`urgent`) or only to be warm. 0 takes the
   * claim back; a changed claim keeps its age.
   */
  claim(member: BudgetMember, count: number, urgent: boolean, nowMs: number): void {
    const known = this.#claims.find((claim) => claim.member === member);
    if (count <= 0) {
      if (known !== undefined) {
        this.#drop(member);
      }
      return;
    }
    if (known === undefined) {
      this.#enlist({ member, count, urgent, coming: 0 });
    } else {
      known.count = count;
      known.urgent = urgent;
    }
    this.#settle(nowMs);
  }

  /** How many places are on their way to a pool that has claimed some. */
  comingTo(member: BudgetMember): number {
    return this.#claims.find((claim) => claim.member === member)?.coming ?? 0;
  }

  /** The connection of a place has begun to drain. */
  leaving(place: Place, nowMs: number): void {
    place.leavingSinceMs ??= nowMs;
    this.#leaving.add(place);
  }

  /** Gives a place back, once, when its connection has closed. */
  release(place: Place, nowMs: number): void {
    if (place.returned) {
      throw new Error("a connection's place was given back twice");
    }
    place.returned = true;
    this.#leaving.delete(place);
    this.#allocated -= 1;
    this.#settle(nowMs);
  }

  #allocate(): Place {
    this.#allocated += 1;
    return new Place();
  }

  #enlist(claim: Claim): void {
    const behind = this.#claims.findIndex(({ member }) => member.priority > claim.member.priority);
    this.#claims.splice(behind < 0 ? this.#claims.length : behind, 0, claim);
  }

  #drop(member: BudgetMember): void {
    this.#claims = this.#claims.filter((claim) => claim.member !== member);
  }

  /** What pools do when asked may free or claim further places: those are settled in a further round. */
  #settle(nowMs: number): void {
    this.#unsettled = true;
    if (this.#settling) {
      return;
    }
    this.#settling = true;
    try {
      while (this.#unsettled) {
        this.#unsettled = false;
        this.#grant();
        this.#reclaim(nowMs);
      }
    } finally {
      this.#settling = false;
    }
  }

  #grant(): void {
    while (this.#allocated < this.limit) {
      const claim = this.#claims.shift();
      if (claim === undefined) {
        return;
      }
      claim.count -= 1;
      if (claim.count > 0) {
        this.#enlist(claim);
      }
      const place = this.#allocate();
      if (!claim.member.takePlace(place)) {
        place.returned = true;
        this.#allocated -= 1;
        this.#drop(claim.member);
      }
    }
  }

  /** Sees that every claim has its places on their way, as far as others may be asked for them. */
  #reclaim(nowMs: number): void {
    let toCome = 0;
    for (const place of this.#leaving) {
      toCome += nowMs - (place.leavingSinceMs ?? nowMs) <= patienceMs ? 1 : 0;
    }
    for (const claim of [...this.#claims]) {
      claim.coming = Math.min(claim.count, toCome);
      toCome -= claim.coming;
      while (claim.coming < claim.count && this.#giverFor(claim)?.giveUp() === true) {
        claim.coming += 1;
      }
    }
  }

  #giverFor({ member, urgent, coming }: Claim): BudgetMember | undefined {
    const holding = member.connections + coming;
    const mayTakeLast = holding === 0 || (urgent && this.#isHighest(member));
    let best: BudgetMember | undefined;
    for (const other of this.#members) {
      const gives =
        other.priority > member.priority
          ? other.connections > (mayTakeLast ? 0 : 1)
          : other.priority === member.priority && other.connections >= holding + 2;
      if (gives && (best === undefined || givesBefore(other, best))) {
        best = other;
      }
    }
    return best;
  }

  #isHighest(member: BudgetMember): boolean {
    for (const other of this.#members) {
      if (other.priority < member.priority) {
        return false;
      }
    }
    return true;
  }
}

/** Nobody's last connection before anyone's second; then the lower priority; then the larger pool. */
function givesBefore(one: BudgetMember, other: BudgetMember): boolean {
  if (one.connections > 1 !== other.connections > 1) {
    return one.connections > 1;
  }
  return one.priority === other.priority ? one.connections > other.connections : one.priority > other.priority;
}
