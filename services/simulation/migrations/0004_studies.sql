-- Up Migration
create table studies (
  id text primary key,
  project_id text not null,
  project_version integer not null,
  question text not null,
  -- JSON as it was written: what was asked, and the architectures as they were.
  task text not null,
  status text not null check (status in ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  progress double precision not null default 0,
  phase text not null default '',
  failure_reason text not null default '',
  created_by text not null,
  -- The instance that runs it, and when it last said so: a study whose instance has died is taken up by another.
  runner text,
  runner_seen_at timestamptz,
  attempts integer not null default 0,
  -- JSON and HTML: read whole or not at all.
  result text,
  report text,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz
);
create index studies_project on studies (project_id, created_at desc, id desc);
create index studies_unfinished on studies (created_at) where status in ('PENDING', 'RUNNING');
create index studies_finished on studies (finished_at) where finished_at is not null;
create index studies_kept on studies (project_id, finished_at desc, id desc) where finished_at is not null;

-- Down Migration
drop table studies;
