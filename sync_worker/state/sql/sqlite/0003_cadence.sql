-- How far back each (stream, scope) was read, and when: what is due again is told from it.
CREATE TABLE _rereads (
    stream TEXT NOT NULL,
    company_id INTEGER,
    project_id INTEGER,
    reach TEXT NOT NULL,
    start_on TEXT,
    read_at TEXT NOT NULL,
    run_id TEXT NOT NULL
);
CREATE UNIQUE INDEX _rereads_key
    ON _rereads (stream, coalesce(company_id, 0), coalesce(project_id, 0), reach);

-- The parents whose nested list was read to its end, and the version of each that it was read for.
CREATE TABLE _parents_read (
    stream TEXT NOT NULL,
    company_id INTEGER,
    project_id INTEGER,
    parent_key TEXT NOT NULL,
    row_hash TEXT NOT NULL
);
CREATE UNIQUE INDEX _parents_read_key
    ON _parents_read (stream, coalesce(company_id, 0), coalesce(project_id, 0), parent_key);

-- Backfills that are not finished: what was asked for, and the last day, fixed when it began.
CREATE TABLE _backfills (
    request TEXT PRIMARY KEY,
    until_on TEXT NOT NULL
);

-- The parts of them that were proven complete: a month, or a list that is read once.
CREATE TABLE _backfill_parts (
    request TEXT NOT NULL,
    stream TEXT NOT NULL,
    company_id INTEGER,
    project_id INTEGER,
    part TEXT NOT NULL,
    run_id TEXT NOT NULL
);
CREATE UNIQUE INDEX _backfill_parts_key
    ON _backfill_parts (request, stream, coalesce(company_id, 0), coalesce(project_id, 0), part);
