-- What is known of Procore's allowance, a row for each of its windows (`hour`, `spike`): one process goes on where the
-- one before it stopped, and whoever looks needs no process at all.
CREATE TABLE _allowance (
    period TEXT PRIMARY KEY,
    seconds INTEGER NOT NULL,
    call_limit INTEGER,
    granted INTEGER,
    used INTEGER NOT NULL,
    remaining INTEGER,
    resets_at TEXT,
    waits_until TEXT,
    seen_at TEXT NOT NULL
);

-- Our own calls of the last hour, by the minute they were sent in.
CREATE TABLE _allowance_spent (
    minute TEXT PRIMARY KEY,
    calls INTEGER NOT NULL
);

-- A run that waits for the daemon may be one that would rather end than wait for the allowance.
ALTER TABLE _queue ADD COLUMN no_wait INTEGER NOT NULL DEFAULT 0;
