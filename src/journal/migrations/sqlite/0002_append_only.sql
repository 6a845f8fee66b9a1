-- The logs and the signed transactions are only ever added to. The two databases have no way to say this in common.
CREATE TRIGGER operation_event_stays BEFORE UPDATE ON operation_event
BEGIN SELECT RAISE(ABORT, 'the log of an operation is append-only'); END;

CREATE TRIGGER operation_event_remains BEFORE DELETE ON operation_event
BEGIN SELECT RAISE(ABORT, 'the log of an operation is append-only'); END;

CREATE TRIGGER lane_event_stays BEFORE UPDATE ON lane_event
BEGIN SELECT RAISE(ABORT, 'the log of a lane is append-only'); END;

CREATE TRIGGER lane_event_remains BEFORE DELETE ON lane_event
BEGIN SELECT RAISE(ABORT, 'the log of a lane is append-only'); END;

-- When it was handed over is the one thing that is learnt later.
CREATE TRIGGER attempt_stays BEFORE UPDATE OF op, number, kind, hash, raw, max_fee, tip, gas_limit, via ON attempt
BEGIN SELECT RAISE(ABORT, 'a signed transaction is never changed'); END;

CREATE TRIGGER attempt_remains BEFORE DELETE ON attempt
BEGIN SELECT RAISE(ABORT, 'a signed transaction is never forgotten'); END;
