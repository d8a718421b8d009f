-- The ledger, the checkpoints and what is recorded about records; contract: section Destination.
CREATE TABLE _runs (
    run_id TEXT PRIMARY KEY,
    job TEXT NOT NULL,
    trigger TEXT NOT NULL,
    scheduled_at TEXT,
    started_at TEXT,
    finished_at TEXT,
    outcome TEXT,
    requests INTEGER NOT NULL DEFAULT 0,
    rows_seen INTEGER NOT NULL DEFAULT 0,
    inserted INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    quarantined INTEGER NOT NULL DEFAULT 0,
    error TEXT
);
CREATE INDEX _runs_started_at ON _runs (started_at);

-- A verdict of NULL means that the sweep has not ended: the row is its progress.
CREATE TABLE _run_scopes (
    run_id TEXT NOT NULL REFERENCES _runs (run_id),
    stream TEXT NOT NULL,
    company_id INTEGER,
    project_id INTEGER,
    window_from TEXT,
    window_to TEXT,
    verdict TEXT,
    total INTEGER,
    rows_seen INTEGER NOT NULL DEFAULT 0,
    distinct_keys INTEGER NOT NULL DEFAULT 0,
    pages INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL DEFAULT 0,
    inserted INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    started_at TEXT NOT NULL,
    finished_at TEXT
);
-- NULL is no value to SQL's uniqueness; ids are positive.
CREATE UNIQUE INDEX _run_scopes_key
    ON _run_scopes (run_id, stream, coalesce(company_id, 0), coalesce(project_id, 0));

CREATE TABLE _checkpoints (
    stream TEXT NOT NULL,
    company_id INTEGER,
    project_id INTEGER,
    mark TEXT NOT NULL,
    completed_at TEXT NOT NULL,
    run_id TEXT NOT NULL
);
CREATE UNIQUE INDEX _checkpoints_key
    ON _checkpoints (stream, coalesce(company_id, 0), coalesce(project_id, 0));

CREATE TABLE _field_history (
    stream TEXT NOT NULL,
    company_id INTEGER,
    project_id INTEGER,
    record_key TEXT NOT NULL,
    field TEXT NOT NULL,
    old_value TEXT,
    new_value TEXT,
    changed_at TEXT,
    seen_at TEXT NOT NULL,
    run_id TEXT NOT NULL
);
CREATE INDEX _field_history_record ON _field_history (stream, record_key, field);

CREATE TABLE _schema_changes (
    stream TEXT NOT NULL,
    field TEXT NOT NULL,
    kind TEXT NOT NULL,
    run_id TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (stream, field, kind)
);

CREATE TABLE _quarantine (
    stream TEXT NOT NULL,
    company_id INTEGER,
    project_id INTEGER,
    run_id TEXT NOT NULL,
    at TEXT NOT NULL,
    reason TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX _quarantine_run ON _quarantine (run_id, stream);
