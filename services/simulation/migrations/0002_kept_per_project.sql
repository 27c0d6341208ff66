-- Up Migration
-- Which ended simulations of a project are its newest: those beyond them go.
create index simulations_kept on simulations (project_id, finished_at desc, id desc) where finished_at is not null;

-- Down Migration
drop index simulations_kept;
