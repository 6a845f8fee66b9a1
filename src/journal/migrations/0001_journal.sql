-- The journal, in the SQL that SQLite and PostgreSQL share. The constraints are the safety argument: they hold whatever the program
-- does. Hashes and ids are hexadecimal (ids without 0x, so that a prefix can be typed), 128-bit amounts are decimal text, times are
-- milliseconds since the epoch, flags are 0 or 1.

-- One row: its lock puts everything that enters into one order.
CREATE TABLE journal (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    entered BIGINT NOT NULL CHECK (entered >= 0)
);

INSERT INTO journal (one, entered) VALUES (1, 0);

-- One signer on one chain. Every write of a lane first updates its row where the epoch is the writer's: that is the fence against a
-- writer that was replaced, and the lock that puts the lane's writes into one order.
CREATE TABLE lane (
    key TEXT NOT NULL PRIMARY KEY,
    chain_id BIGINT NOT NULL CHECK (chain_id >= 0),
    signer TEXT NOT NULL,
    epoch BIGINT NOT NULL CHECK (epoch >= 0),
    holder TEXT NOT NULL,
    next_nonce BIGINT CHECK (next_nonce >= 0),
    last_launched BIGINT,
    stopped TEXT,
    UNIQUE (chain_id, signer)
);

-- What happened to a lane: who opened it, why it stopped, which nonces an operator accepted.
CREATE TABLE lane_event (
    lane TEXT NOT NULL REFERENCES lane (key),
    line BIGINT NOT NULL CHECK (line >= 0),
    what TEXT NOT NULL CHECK (what IN ('open', 'stop', 'go', 'accept')),
    detail TEXT NOT NULL,
    at BIGINT,
    epoch BIGINT NOT NULL,
    PRIMARY KEY (lane, line)
);

CREATE TABLE operation (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 64),
    -- In which order they were queued.
    entered BIGINT NOT NULL UNIQUE,
    intent TEXT NOT NULL CHECK (length(intent) = 64),
    lane TEXT NOT NULL REFERENCES lane (key),
    chain_id BIGINT NOT NULL,
    pool TEXT NOT NULL,
    class TEXT NOT NULL,
    why TEXT NOT NULL,
    plan TEXT NOT NULL,
    cap TEXT NOT NULL,
    created BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'queued', 'reserved', 'prepared', 'inflight', 'cancelling', 'included', 'final_ok', 'final_reverted', 'final_cancelled',
        'expired', 'superseded', 'rejected', 'quarantined', 'abandoned'
    )),
    seq BIGINT NOT NULL CHECK (seq >= 0),
    nonce BIGINT CHECK (nonce >= 0),
    ramp TEXT,
    deadline BIGINT,
    landing_hash TEXT,
    landing_block BIGINT,
    landing_block_hash TEXT,
    landing_block_time BIGINT,
    landing_fate TEXT CHECK (landing_fate IN ('carried_out', 'reverted', 'cancelled')),
    landing_gas_used BIGINT,
    landing_gas_price TEXT,
    -- Whether the pool may have no other operation beside it.
    claims_pool BIGINT NOT NULL CHECK (claims_pool IN (0, 1)),
    cancel_requested BIGINT NOT NULL CHECK (cancel_requested IN (0, 1)),
    reason TEXT,
    -- A nonce is held from RESERVED on, and never by what ended without one.
    CHECK ((nonce IS NULL) = (state IN ('queued', 'expired', 'superseded', 'rejected'))),
    -- What is in a block says in which, and nothing else does.
    CHECK ((landing_hash IS NOT NULL) = (state IN ('included', 'final_ok', 'final_reverted', 'final_cancelled'))),
    -- Nothing that ended, or that is in a block, keeps others out of its pool.
    CHECK (claims_pool = 0 OR state IN ('queued', 'reserved', 'prepared', 'inflight'))
);

-- The same evidence is acted on once: an intent has one operation that is under way or did what was called for.
CREATE UNIQUE INDEX operation_one_intent ON operation (intent)
WHERE state NOT IN ('final_reverted', 'final_cancelled', 'expired', 'superseded', 'rejected', 'abandoned');

-- A pool has one live operation, whichever lane it goes by.
CREATE UNIQUE INDEX operation_one_claim ON operation (chain_id, pool) WHERE claims_pool = 1;

-- A lane has one operation with a nonce that was not handed over yet: so nonces leave in their order, and a released one leaves no gap.
CREATE UNIQUE INDEX operation_one_held ON operation (lane) WHERE state IN ('reserved', 'prepared');

-- Recovery reads what is open, however much is over.
CREATE INDEX operation_open ON operation (lane)
WHERE state NOT IN ('final_ok', 'final_reverted', 'final_cancelled', 'expired', 'superseded', 'rejected', 'abandoned');

CREATE INDEX operation_intent ON operation (intent);

-- The at-most-once key: a nonce of a lane belongs to one operation for ever, and an operation has one nonce. A nonce that was spent
-- without us has no operation.
CREATE TABLE nonce_slot (
    lane TEXT NOT NULL REFERENCES lane (key),
    nonce BIGINT NOT NULL CHECK (nonce >= 0),
    op TEXT REFERENCES operation (id),
    kind TEXT NOT NULL CHECK (kind IN ('operation', 'accepted')),
    PRIMARY KEY (lane, nonce),
    UNIQUE (op),
    CHECK ((op IS NULL) = (kind = 'accepted'))
);

-- Every transaction that was ever signed, written down before it is handed over. None is forgotten: after a reorganisation an old one
-- may be included.
CREATE TABLE attempt (
    op TEXT NOT NULL REFERENCES operation (id),
    number BIGINT NOT NULL CHECK (number >= 0),
    kind TEXT NOT NULL CHECK (kind IN ('first', 'replacement', 'cancellation')),
    -- A transaction belongs to one operation.
    hash TEXT NOT NULL UNIQUE,
    raw TEXT NOT NULL,
    max_fee TEXT NOT NULL,
    tip TEXT NOT NULL,
    gas_limit BIGINT NOT NULL,
    via TEXT NOT NULL CHECK (via IN ('public', 'private')),
    launched BIGINT,
    PRIMARY KEY (op, number)
);

-- What an operation set aside from its lane's budget of a day, and what it took in the end.
CREATE TABLE spend (
    op TEXT NOT NULL PRIMARY KEY REFERENCES operation (id),
    lane TEXT NOT NULL REFERENCES lane (key),
    day BIGINT NOT NULL,
    amount TEXT NOT NULL
);

CREATE INDEX spend_of_day ON spend (lane, day);

-- The log of an operation, written in the commit of each step.
CREATE TABLE operation_event (
    op TEXT NOT NULL REFERENCES operation (id),
    line BIGINT NOT NULL CHECK (line >= 0),
    step TEXT NOT NULL,
    state TEXT NOT NULL,
    at BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (op, line)
);

CREATE TABLE pool_memory (
    pool TEXT NOT NULL PRIMARY KEY,
    first_seen BIGINT NOT NULL,
    schedule_served BIGINT,
    known_ramp TEXT,
    former_ramp TEXT,
    latch TEXT
);

-- What operators did to pools.
CREATE TABLE pool_event (
    pool TEXT NOT NULL REFERENCES pool_memory (pool),
    line BIGINT NOT NULL CHECK (line >= 0),
    what TEXT NOT NULL CHECK (what IN ('release')),
    detail TEXT NOT NULL,
    by TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (pool, line)
);

CREATE TABLE peg_memory (
    asset TEXT NOT NULL PRIMARY KEY,
    peg TEXT NOT NULL
);
