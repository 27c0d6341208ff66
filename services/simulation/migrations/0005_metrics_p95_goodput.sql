-- Up Migration
-- Null in what was kept before, and goodput is of the whole system alone. An instance that does not know the columns leaves them null.
alter table simulation_metrics
  add column p95_ms double precision,
  add column goodput_per_second double precision;

-- Down Migration
alter table simulation_metrics drop column p95_ms, drop column goodput_per_second;
