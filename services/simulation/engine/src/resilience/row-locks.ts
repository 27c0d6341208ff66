/**
 * Rows that requests lock for themselves: who finds a row locked waits, keeping its slot, until all before it have let go.
 *
 * Rows are numbers; only those that are locked are known. Who waits is chained through `VisitPool.next`.
 */
import { grownInt32 } from "../grow-array.ts";
import { none, type VisitPool } from "../visit-pool.ts";

interface Row {
  owner: number;
  first: number;
  last: number;
}

export class RowLocks {
  readonly #visits: VisitPool;
  /** By component, then by row. */
  readonly #rows: Map<number, Row>[];
  /** By visit: the row it has or waits for; 0 for none, so rows are counted from 1. */
  #rowOf = new Int32Array(0);

  constructor(visits: VisitPool, components: number) {
    this.#visits = visits;
    this.#rows = Array.from({ length: components }, () => new Map());
  }

  /** Whether the visit has the row now; if not it waits for it. */
  acquire(visit: number, row: number): boolean {
    if (visit >= this.#rowOf.length) this.#rowOf = grownInt32(this.#rowOf, this.#visits.component.length);
    this.#rowOf[visit] = row + 1;
    const rows = this.#rowsOf(visit);
    const held = rows.get(row);
    if (held === undefined) {
      rows.set(row, { owner: visit, first: none, last: none });
      return true;
    }
    this.#visits.next[visit] = none;
    if (held.last === none) held.first = visit;
    else this.#visits.next[held.last] = visit;
    held.last = visit;
    return false;
  }

  /** The visit lets go of its row, or stops waiting for it. The answer is who has the row next, or `none`. */
  release(visit: number): number {
    const row = (this.#rowOf[visit] ?? 0) - 1;
    if (row < 0) return none;
    this.#rowOf[visit] = 0;
    const rows = this.#rowsOf(visit);
    const held = rows.get(row) as Row;
    if (held.owner !== visit) {
      this.#leave(visit, held);
      return none;
    }
    const next = held.first;
    if (next === none) {
      rows.delete(row);
      return none;
    }
    held.owner = next;
    held.first = this.#visits.next[next] as number;
    if (held.first === none) held.last = none;
    return next;
  }

  #leave(visit: number, row: Row): void {
    const { next } = this.#visits;
    let before = none;
    for (let one = row.first; one !== visit; one = next[one] as number) before = one;
    const after = next[visit] as number;
    if (before === none) row.first = after;
    else next[before] = after;
    if (after === none) row.last = before;
  }

  #rowsOf(visit: number): Map<number, Row> {
    return this.#rows[this.#visits.component[visit] as number] as Map<number, Row>;
  }
}
