/**
 * Rows that requests lock for themselves: who finds a row locked waits, keeping its slot, until all before it have let go.
 *
 * Rows are numbers; only those that are locked are known. Who waits is chained through `Visit.next`.
 */
import { none, type Visit } from "../visit.ts";

interface Row {
  owner: Visit;
  first: Visit | undefined;
  last: Visit | undefined;
}

export class RowLocks {
  /** By component, then by row. */
  readonly #rows: Map<number, Row>[];

  constructor(components: number) {
    this.#rows = Array.from({ length: components }, () => new Map());
  }

  /** Whether the visit has the row now; if not it waits for it. */
  acquire(visit: Visit, row: number): boolean {
    visit.row = row;
    const rows = this.#rowsOf(visit);
    const held = rows.get(row);
    if (held === undefined) {
      rows.set(row, { owner: visit, first: undefined, last: undefined });
      return true;
    }
    visit.next = undefined;
    if (held.last === undefined) held.first = visit;
    else held.last.next = visit;
    held.last = visit;
    return false;
  }

  /** The visit lets go of its row, or stops waiting for it. The answer is who has the row next, if anybody. */
  release(visit: Visit): Visit | undefined {
    const { row } = visit;
    if (row === none) return undefined;
    visit.row = none;
    const rows = this.#rowsOf(visit);
    const held = rows.get(row) as Row;
    if (held.owner !== visit) {
      this.#leave(visit, held);
      return undefined;
    }
    const next = held.first;
    if (next === undefined) {
      rows.delete(row);
      return undefined;
    }
    held.owner = next;
    held.first = next.next;
    if (held.first === undefined) held.last = undefined;
    return next;
  }

  #leave(visit: Visit, row: Row): void {
    let before: Visit | undefined;
    for (let one = row.first; one !== undefined && one !== visit; one = one.next) before = one;
    const after = visit.next;
    if (before === undefined) row.first = after;
    else before.next = after;
    if (after === undefined) row.last = before;
  }

  #rowsOf(visit: Visit): Map<number, Row> {
    return this.#rows[visit.component.index] as Map<number, Row>;
  }
}
