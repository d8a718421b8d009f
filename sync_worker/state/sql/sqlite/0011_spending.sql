-- What may not be read, by stream or by tool (`subject`), and of nested streams by parent: why, since when, tried when,
-- and when it is tried again. `row_hash` is that of the parent's row, which may change something when it moves.
CREATE TABLE _refusals (
    subject TEXT NOT NULL,
    company_id INTEGER,
    project_id INTEGER,
    parent_key TEXT,
    row_hash TEXT,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    refused_at TEXT NOT NULL,
    probed_at TEXT NOT NULL,
    probe_at TEXT NOT NULL
);
CREATE UNIQUE INDEX _refusals_key
    ON _refusals (subject, coalesce(company_id, 0), coalesce(project_id, 0), coalesce(parent_key, ''));

-- The page that a stream's list gave when asked for a larger one.
CREATE TABLE _page_sizes (
    stream TEXT PRIMARY KEY,
    per_page INTEGER NOT NULL,
    learned_at TEXT NOT NULL
);

-- The calls that a run did not make, and why.
CREATE TABLE _avoided (
    run_id TEXT NOT NULL REFERENCES _runs (run_id),
    stream TEXT NOT NULL,
    reason TEXT NOT NULL,
    calls INTEGER NOT NULL,
    PRIMARY KEY (run_id, stream, reason)
);
