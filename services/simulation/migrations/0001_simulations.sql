-- Up Migration
create table simulations (
  id text primary key,
  project_id text not null,
  project_version integer not null,
  architecture jsonb not null,
  status text not null check (status in ('PENDING', 'RUNNING', 'PAUSED', 'COMPLETED', 'STOPPED', 'FAILED')),
  duration_seconds double precision not null check (duration_seconds > 0),
  seed bigint not null,
  speed double precision not null check (speed >= 0),
  load double precision not null check (load >= 0),
  simulated_seconds double precision not null default 0,
  failure_reason text not null default '',
  created_by text not null,
  -- The instance that runs it, and when it last said so: a run whose instance has died is taken up by another.
  runner text,
  runner_seen_at timestamptz,
  attempts integer not null default 0,
  results jsonb,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz
);
create index simulations_project on simulations (project_id, created_at desc, id desc);
create index simulations_unfinished on simulations (created_at) where status in ('PENDING', 'RUNNING', 'PAUSED');
create index simulations_finished on simulations (finished_at) where finished_at is not null;

-- Points of a run's time series; component '' is the whole system.
create table simulation_metrics (
  simulation_id text not null references simulations (id) on delete cascade,
  component text not null,
  simulated_seconds double precision not null,
  requests_per_second double precision not null,
  failures_per_second double precision not null,
  utilization double precision not null,
  queue_length double precision not null,
  p50_ms double precision not null,
  p99_ms double precision not null,
  primary key (simulation_id, component, simulated_seconds)
);

-- Down Migration
drop table simulation_metrics;
drop table simulations;
