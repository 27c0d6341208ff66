-- Up Migration
-- What was planned at the start, and what was asked for since then. A change's number counts within its simulation; at_ms is
-- when it took effect, in simulated time, and refusal why it could not: nothing is known of it while both are null.
alter table simulations
  add column changes jsonb not null default '[]',
  add column live_changes integer not null default 0;
create table simulation_changes (
  simulation_id text not null references simulations (id) on delete cascade,
  number integer not null,
  change jsonb not null,
  at_ms double precision,
  refusal text,
  primary key (simulation_id, number)
);
create index simulation_changes_waiting on simulation_changes (simulation_id, number)
  where at_ms is null and refusal is null;

-- Down Migration
drop table simulation_changes;
alter table simulations drop column changes, drop column live_changes;
