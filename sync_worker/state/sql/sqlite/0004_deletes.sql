-- Rows that would be deleted, were they not so many at once: kept until a later sweep agrees or somebody approves.
-- The key is as the table has it, of several columns a JSON array; no type, so that a number stays one.
CREATE TABLE _held_deletes (
    stream TEXT NOT NULL,
    company_id INTEGER,
    project_id INTEGER,
    record_key NOT NULL,
    ground TEXT NOT NULL,
    run_id TEXT NOT NULL,
    held_at TEXT NOT NULL
);
CREATE UNIQUE INDEX _held_deletes_key
    ON _held_deletes (stream, coalesce(company_id, 0), coalesce(project_id, 0), record_key);

-- When the tool's own list of deleted records was last asked for, and whether it was refused.
CREATE TABLE _delete_signals (
    stream TEXT NOT NULL,
    company_id INTEGER,
    project_id INTEGER,
    asked_at TEXT NOT NULL,
    refused INTEGER NOT NULL
);
CREATE UNIQUE INDEX _delete_signals_key
    ON _delete_signals (stream, coalesce(company_id, 0), coalesce(project_id, 0));

-- The same record is set aside once, however often it is met.
CREATE INDEX _quarantine_scope ON _quarantine (stream, coalesce(company_id, 0), coalesce(project_id, 0));
