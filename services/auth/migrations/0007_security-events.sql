-- Up Migration

-- What bears on the safety of accounts. `happened_at` is the service's clock, `recorded_at` the database's.
CREATE TABLE security_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  happened_at timestamptz NOT NULL,
  event text NOT NULL,
  user_id text,
  session_id text,
  address text NOT NULL,
  user_agent text NOT NULL,
  facts jsonb NOT NULL
);
CREATE INDEX security_events_of_user ON security_events (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX security_events_by_age ON security_events (recorded_at);

-- Append-only, whoever is connected: nothing is changed, and nothing is removed before it is 90 days old.
CREATE FUNCTION refuse_change_of_security_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND TG_LEVEL = 'ROW' THEN
    IF OLD.recorded_at < clock_timestamp() - interval '90 days' THEN
      RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION 'security events are append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER security_events_append_only BEFORE UPDATE OR DELETE ON security_events
  FOR EACH ROW EXECUTE FUNCTION refuse_change_of_security_events();
CREATE TRIGGER security_events_never_truncated BEFORE TRUNCATE ON security_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_security_events();
-- Somebody who dates a row back could remove it afterwards.
CREATE FUNCTION date_security_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.recorded_at := clock_timestamp();
  RETURN NEW;
END
$$;
CREATE TRIGGER security_events_dated BEFORE INSERT ON security_events
  FOR EACH ROW EXECUTE FUNCTION date_security_event();

-- Down Migration

DROP TABLE security_events;
DROP FUNCTION refuse_change_of_security_events;
DROP FUNCTION date_security_event;
