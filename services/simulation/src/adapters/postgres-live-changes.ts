import type { Database } from "@weft/mesh";
import type { Change } from "@weft/simulator";
import type { ChangeOutcome, LiveChange } from "../domain/lifecycle/ports.ts";

/*
 * Changes that were asked for after the start of a simulation, in PostgreSQL. The simulation's row counts them: whoever adds
 * one holds that row, so numbers have no gaps and become visible in their order.
 */

/** Those of `claimed` that are not refused, as JSON of `LiveChange[]` in which what is not known is null. */
export const liveChangesOfClaimed = `(select coalesce(jsonb_agg(jsonb_build_object('number', number, 'change', change, 'atMs', at_ms) order by number), '[]')
  from simulation_changes where simulation_id = claimed.id and refusal is null)`;

/** Whether the simulation `s` has some of which nothing is known. */
export const hasWaitingChanges = `exists (select 1 from simulation_changes c
  where c.simulation_id = s.id and c.at_ms is null and c.refusal is null)`;

export interface LiveChangeRow {
  readonly number: number;
  readonly change: Change;
  readonly atMs: number | null;
}

export function liveChangeFrom({ number, change, atMs }: LiveChangeRow): LiveChange {
  return { number, change, atMs: atMs ?? undefined };
}

/** Its number; undefined: the simulation has ended, or has `most`. `unfinished` says in SQL that one has not ended. */
export async function addChange(
  database: Database,
  unfinished: string,
  [id, change, most]: [string, Change, number],
): Promise<number | undefined> {
  const [row] = await database.query<{ number: number }>(
    {
      name: "change-insert",
      text: `with counted as (
               update simulations set live_changes = live_changes + 1
               where id = $1 and ${unfinished} and live_changes < $3 returning id, live_changes
             )
             insert into simulation_changes (simulation_id, number, change)
             select id, live_changes, $2 from counted returning number`,
    },
    [id, JSON.stringify(change), most],
  );
  return row?.number;
}

export async function changeOutcome(
  database: Database,
  id: string,
  number: number,
): Promise<ChangeOutcome | undefined> {
  const [row] = await database.query<{ at_ms: number | null; refusal: string | null }>(
    {
      name: "change-outcome",
      text: "select at_ms, refusal from simulation_changes where simulation_id = $1 and number = $2",
    },
    [id, number],
  );
  if (row?.refusal != null) return { refusal: row.refusal };
  return row?.at_ms == null ? undefined : { atMs: row.at_ms };
}

export async function waitingChanges(database: Database, id: string, runner: string): Promise<readonly LiveChange[]> {
  const rows = await database.query<LiveChangeRow>(
    {
      name: "changes-waiting",
      text: `select number, change, at_ms as "atMs" from simulation_changes
             where simulation_id = $1 and at_ms is null and refusal is null
               and exists (select 1 from simulations where id = $1 and runner = $2)
             order by number`,
    },
    [id, runner],
  );
  return rows.map(liveChangeFrom);
}

export async function settleChange(
  database: Database,
  [id, runner, number]: [string, string, number],
  outcome: ChangeOutcome,
): Promise<void> {
  const { atMs, refusal } = { atMs: null, refusal: null, ...outcome };
  await database.query(
    {
      name: "change-settle",
      text: `update simulation_changes set at_ms = $4, refusal = $5
             where simulation_id = $1 and number = $3 and at_ms is null and refusal is null
               and exists (select 1 from simulations where id = $1 and runner = $2)`,
    },
    [id, runner, number, atMs, refusal],
  );
}
