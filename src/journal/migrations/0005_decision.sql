-- What was decided, and why: rows of the same decision are one line. Only the newest lines of a pool are kept.
CREATE TABLE decision (
    pool TEXT NOT NULL,
    line BIGINT NOT NULL CHECK (line >= 0),
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (pool, line)
);
