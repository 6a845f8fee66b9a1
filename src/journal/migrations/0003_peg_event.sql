-- What operators did to pegs.
CREATE TABLE peg_event (
    asset TEXT NOT NULL REFERENCES peg_memory (asset),
    line BIGINT NOT NULL CHECK (line >= 0),
    what TEXT NOT NULL CHECK (what IN ('reset')),
    by TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (asset, line)
);
