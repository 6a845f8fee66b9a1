-- The logs and the signed transactions are only ever added to. The two databases have no way to say this in common.
CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END;
$$;

CREATE TRIGGER operation_event_stays BEFORE UPDATE OR DELETE ON operation_event
FOR EACH ROW EXECUTE FUNCTION journal_is_append_only();

CREATE TRIGGER operation_event_remains BEFORE TRUNCATE ON operation_event
FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();

CREATE TRIGGER lane_event_stays BEFORE UPDATE OR DELETE ON lane_event
FOR EACH ROW EXECUTE FUNCTION journal_is_append_only();

CREATE TRIGGER lane_event_remains BEFORE TRUNCATE ON lane_event
FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();

-- When it was handed over is the one thing that is learnt later.
CREATE TRIGGER attempt_stays BEFORE UPDATE OF op, number, kind, hash, raw, max_fee, tip, gas_limit, via OR DELETE ON attempt
FOR EACH ROW EXECUTE FUNCTION journal_is_append_only();

CREATE TRIGGER attempt_remains BEFORE TRUNCATE ON attempt
FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();
