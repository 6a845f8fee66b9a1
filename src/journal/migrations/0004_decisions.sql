-- A pool's memory holds all that its owner can set, not only the ramp; what was moved, whether trading is off by our doing, and what
-- humans have asked for. What was known of a pool before is met anew: its ramp alone says nothing of its fee and its trading.
ALTER TABLE pool_memory DROP COLUMN known_ramp;
ALTER TABLE pool_memory DROP COLUMN former_ramp;
ALTER TABLE pool_memory ADD COLUMN known TEXT;
ALTER TABLE pool_memory ADD COLUMN former TEXT;
ALTER TABLE pool_memory ADD COLUMN moves TEXT;
ALTER TABLE pool_memory ADD COLUMN frozen TEXT;
ALTER TABLE pool_memory ADD COLUMN manual_asked BIGINT;
ALTER TABLE pool_memory ADD COLUMN manual_served BIGINT;

CREATE TABLE pool_event_of_old AS SELECT pool, line, what, detail, by, at FROM pool_event;
DROP TABLE pool_event;
CREATE TABLE pool_event (
    pool TEXT NOT NULL REFERENCES pool_memory (pool),
    line BIGINT NOT NULL CHECK (line >= 0),
    what TEXT NOT NULL CHECK (what IN ('release', 'rebalance')),
    detail TEXT NOT NULL,
    by TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (pool, line)
);
INSERT INTO pool_event (pool, line, what, detail, by, at) SELECT pool, line, what, detail, by, at FROM pool_event_of_old;
DROP TABLE pool_event_of_old;
