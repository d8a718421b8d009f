-- The worker's own tables, one named statement after the other. Words with a dollar sign are in dialect.py.
-- NULL is no value to SQL's uniqueness, so `scope_key` names a scope.

-- name: runs
-- A run; contract, section Destination. Without `started_at` it waits for the daemon, without `outcome` it has not
-- ended.
CREATE TABLE _runs (
    run_id TEXT PRIMARY KEY,
    job TEXT NOT NULL,
    trigger TEXT NOT NULL,
    scheduled_at $instant,
    started_at $instant,
    finished_at $instant,
    outcome TEXT,
    requests $integer NOT NULL DEFAULT 0,
    rows_seen $integer NOT NULL DEFAULT 0,
    inserted $integer NOT NULL DEFAULT 0,
    updated $integer NOT NULL DEFAULT 0,
    unchanged $integer NOT NULL DEFAULT 0,
    deleted $integer NOT NULL DEFAULT 0,
    quarantined $integer NOT NULL DEFAULT 0,
    error TEXT
)

-- name: runs_tick
-- A tick is one run, however often it is counted.
CREATE UNIQUE INDEX _runs_tick ON _runs (job, scheduled_at) WHERE scheduled_at IS NOT NULL

-- name: runs_open
-- The daemon asks for open runs twice a second. With `outcome` in it, a planner without statistics prefers it to
-- _runs_newest.
CREATE INDEX _runs_open ON _runs (outcome, started_at) WHERE outcome IS NULL

-- name: runs_newest
CREATE INDEX _runs_newest ON _runs (started_at, run_id)

-- name: runs_finished_at
CREATE INDEX _runs_finished_at ON _runs (finished_at)

-- name: run_details
-- What the contract's table of runs has no column for: the order in which runs were written, what a run requested by
-- hand is to read (JSON), how many partitions it has, and which group of errors ended it.
CREATE TABLE _run_details (
    seq $serial,
    run_id TEXT NOT NULL UNIQUE REFERENCES _runs (run_id),
    request TEXT,
    partitions $integer,
    failure TEXT
)

-- name: run_scopes
-- The sweep of one (stream, scope) in a run. A verdict of NULL means that it has not ended: the row is its progress.
CREATE TABLE _run_scopes (
    run_id TEXT NOT NULL REFERENCES _runs (run_id),
    stream TEXT NOT NULL,
    company_id $integer,
    project_id $integer,
    window_from $instant,
    window_to $instant,
    verdict TEXT,
    total $integer,
    rows_seen $integer NOT NULL DEFAULT 0,
    distinct_keys $integer NOT NULL DEFAULT 0,
    pages $integer NOT NULL DEFAULT 0,
    requests $integer NOT NULL DEFAULT 0,
    inserted $integer NOT NULL DEFAULT 0,
    updated $integer NOT NULL DEFAULT 0,
    unchanged $integer NOT NULL DEFAULT 0,
    deleted $integer NOT NULL DEFAULT 0,
    error TEXT,
    started_at $instant NOT NULL,
    finished_at $instant,
    scope_key TEXT GENERATED ALWAYS AS
        (CAST(coalesce(company_id, 0) AS TEXT) || '/' || CAST(coalesce(project_id, 0) AS TEXT)) $generated
)

-- name: run_scopes_key
CREATE UNIQUE INDEX _run_scopes_key ON _run_scopes (run_id, stream, scope_key)

-- name: leases
-- Which run reads a (stream, scope): the one with the lowest number; the others wait in line for it.
CREATE TABLE _leases (
    seq $serial,
    stream TEXT NOT NULL,
    company_id $integer,
    project_id $integer,
    run_id TEXT NOT NULL,
    scope_key TEXT GENERATED ALWAYS AS
        (CAST(coalesce(company_id, 0) AS TEXT) || '/' || CAST(coalesce(project_id, 0) AS TEXT)) $generated
)

-- name: leases_key
CREATE UNIQUE INDEX _leases_key ON _leases (stream, scope_key, run_id)

-- name: leases_run
CREATE INDEX _leases_run ON _leases (run_id)

-- name: set_aside
-- How many records of a (stream, scope) a run could not store; _quarantine keeps a bounded number of them.
CREATE TABLE _set_aside (
    run_id TEXT NOT NULL,
    stream TEXT NOT NULL,
    company_id $integer,
    project_id $integer,
    records $integer NOT NULL,
    scope_key TEXT GENERATED ALWAYS AS
        (CAST(coalesce(company_id, 0) AS TEXT) || '/' || CAST(coalesce(project_id, 0) AS TEXT)) $generated
)

-- name: set_aside_key
CREATE UNIQUE INDEX _set_aside_key ON _set_aside (run_id, stream, scope_key)

-- name: skipped_requests
-- The calls that a run did not make, and why.
CREATE TABLE _skipped_requests (
    run_id TEXT NOT NULL REFERENCES _runs (run_id),
    stream TEXT NOT NULL,
    reason TEXT NOT NULL,
    calls $integer NOT NULL,
    PRIMARY KEY (run_id, stream, reason)
)

-- name: checkpoints
-- Up to where a (stream, scope) is proven complete.
CREATE TABLE _checkpoints (
    stream TEXT NOT NULL,
    company_id $integer,
    project_id $integer,
    mark $instant NOT NULL,
    completed_at $instant NOT NULL,
    run_id TEXT NOT NULL,
    scope_key TEXT GENERATED ALWAYS AS
        (CAST(coalesce(company_id, 0) AS TEXT) || '/' || CAST(coalesce(project_id, 0) AS TEXT)) $generated
)

-- name: checkpoints_key
CREATE UNIQUE INDEX _checkpoints_key ON _checkpoints (stream, scope_key)

-- name: scope_state
-- What is known of a (stream, scope) in addition to its checkpoint: the run with its last verdict, which is never pruned; how
-- far back it was read, and when (JSON by depth); when the tool's own list of deleted records was last read, and
-- whether it was refused; how many readings in a row found all `unstable_records` changed, and in which fields (JSON).
CREATE TABLE _scope_state (
    stream TEXT NOT NULL,
    company_id $integer,
    project_id $integer,
    verdict_run_id TEXT,
    last_reads TEXT,
    deletes_listed_at $instant,
    deletes_refused $boolean,
    unstable_readings $integer,
    unstable_records $integer,
    unstable_fields TEXT,
    scope_key TEXT GENERATED ALWAYS AS
        (CAST(coalesce(company_id, 0) AS TEXT) || '/' || CAST(coalesce(project_id, 0) AS TEXT)) $generated
)

-- name: scope_state_key
CREATE UNIQUE INDEX _scope_state_key ON _scope_state (stream, scope_key)

-- name: scope_state_run
CREATE INDEX _scope_state_run ON _scope_state (verdict_run_id)

-- name: parents
-- The parents of a nested stream: the version (hash) of the parent's row for which its list was read to the end, and
-- the version for which that list was refused, why, since when, tried when, and when it is tried again.
CREATE TABLE _parents (
    stream TEXT NOT NULL,
    company_id $integer,
    project_id $integer,
    parent_key TEXT NOT NULL,
    read_hash TEXT,
    refused_hash TEXT,
    kind TEXT,
    reason TEXT,
    refused_at $instant,
    probed_at $instant,
    probe_at $instant,
    scope_key TEXT GENERATED ALWAYS AS
        (CAST(coalesce(company_id, 0) AS TEXT) || '/' || CAST(coalesce(project_id, 0) AS TEXT)) $generated
)

-- name: parents_key
CREATE UNIQUE INDEX _parents_key ON _parents (stream, scope_key, parent_key)

-- name: parents_read_hash
-- A row gets another hash when a path of signed URLs is learned; for its nested lists it is still the same.
CREATE INDEX _parents_read_hash ON _parents (read_hash)

-- name: parents_refused_hash
CREATE INDEX _parents_refused_hash ON _parents (refused_hash)

-- name: refusals
-- What may not be read, by stream or by tool (`subject`): why, since when, tried when, and when it is tried again.
CREATE TABLE _refusals (
    subject TEXT NOT NULL,
    company_id $integer,
    project_id $integer,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    refused_at $instant NOT NULL,
    probed_at $instant NOT NULL,
    probe_at $instant NOT NULL,
    scope_key TEXT GENERATED ALWAYS AS
        (CAST(coalesce(company_id, 0) AS TEXT) || '/' || CAST(coalesce(project_id, 0) AS TEXT)) $generated
)

-- name: refusals_key
CREATE UNIQUE INDEX _refusals_key ON _refusals (subject, scope_key)

-- name: stream_state
-- What was learned of a stream, wherever it is read: the largest page that its list gives, and where the signed URLs of
-- its records are (JSON).
CREATE TABLE _stream_state (
    stream TEXT PRIMARY KEY,
    per_page $integer,
    per_page_learned_at $instant,
    volatile_paths TEXT
)

-- name: held_deletes
-- Rows that would be deleted, were they not so many at once: kept until a later sweep agrees or somebody approves. The
-- key is as the table has it, of several columns a JSON array.
CREATE TABLE _held_deletes (
    stream TEXT NOT NULL,
    company_id $integer,
    project_id $integer,
    record_key $key NOT NULL,
    ground TEXT NOT NULL,
    run_id TEXT NOT NULL,
    held_at $instant NOT NULL,
    scope_key TEXT GENERATED ALWAYS AS
        (CAST(coalesce(company_id, 0) AS TEXT) || '/' || CAST(coalesce(project_id, 0) AS TEXT)) $generated
)

-- name: held_deletes_key
CREATE UNIQUE INDEX _held_deletes_key ON _held_deletes (stream, scope_key, record_key)

-- name: field_history
-- Tracked fields as they change.
CREATE TABLE _field_history (
    stream TEXT NOT NULL,
    company_id $integer,
    project_id $integer,
    record_key TEXT NOT NULL,
    field TEXT NOT NULL,
    old_value TEXT,
    new_value TEXT,
    changed_at $instant,
    seen_at $instant NOT NULL,
    run_id TEXT NOT NULL
)

-- name: field_history_record
CREATE INDEX _field_history_record ON _field_history (stream, record_key, field)

-- name: schema_changes
-- Fields that came as something else than they are declared, or are new.
CREATE TABLE _schema_changes (
    stream TEXT NOT NULL,
    field TEXT NOT NULL,
    kind TEXT NOT NULL,
    run_id TEXT NOT NULL,
    seen_at $instant NOT NULL,
    PRIMARY KEY (stream, field, kind)
)

-- name: quarantine
-- Records that could not be stored, as they were sent.
CREATE TABLE _quarantine (
    stream TEXT NOT NULL,
    company_id $integer,
    project_id $integer,
    run_id TEXT NOT NULL,
    at $instant NOT NULL,
    reason TEXT NOT NULL,
    record TEXT NOT NULL,
    scope_key TEXT GENERATED ALWAYS AS
        (CAST(coalesce(company_id, 0) AS TEXT) || '/' || CAST(coalesce(project_id, 0) AS TEXT)) $generated
)

-- name: quarantine_run
CREATE INDEX _quarantine_run ON _quarantine (run_id, stream)

-- name: quarantine_scope
CREATE INDEX _quarantine_scope ON _quarantine (stream, scope_key)

-- name: backfills
-- Backfills that are not finished: what was requested, and the last day, fixed when it began.
CREATE TABLE _backfills (
    request TEXT PRIMARY KEY,
    until_on $day NOT NULL
)

-- name: backfill_parts
-- The parts of them that were proven complete: a month, or a list that is read once. A table of its own: a backfill of
-- a hundred projects has tens of thousands.
CREATE TABLE _backfill_parts (
    request TEXT NOT NULL,
    stream TEXT NOT NULL,
    company_id $integer,
    project_id $integer,
    part TEXT NOT NULL,
    run_id TEXT NOT NULL,
    scope_key TEXT GENERATED ALWAYS AS
        (CAST(coalesce(company_id, 0) AS TEXT) || '/' || CAST(coalesce(project_id, 0) AS TEXT)) $generated
)

-- name: backfill_parts_key
CREATE UNIQUE INDEX _backfill_parts_key ON _backfill_parts (request, stream, scope_key, part)

-- name: allowance
-- What is known of Procore's allowance, a row for each of its windows (`hour`, `spike`): the next process goes on from
-- there, and a command that shows it needs no process. `spent` has our own calls by the minute (JSON), with the hour.
-- `lifted_at` is when somebody ended the wait.
CREATE TABLE _allowance (
    period TEXT PRIMARY KEY,
    seconds $integer NOT NULL,
    call_limit $integer,
    granted $integer,
    used $integer NOT NULL,
    remaining $integer,
    resets_at $instant,
    waits_until $instant,
    seen_at $instant NOT NULL,
    spent TEXT,
    lifted_at $instant
)

-- name: calls
-- Calls by the server's day, the company and the stream they were for, and by what they were: all, succeeded, or what
-- Procore grades an app on. No run: what a run spent is in _runs.
CREATE TABLE _calls (
    day $day NOT NULL,
    company_id $integer,
    stream TEXT,
    kind TEXT NOT NULL,
    calls $integer NOT NULL,
    subject_key TEXT GENERATED ALWAYS AS
        (CAST(coalesce(company_id, 0) AS TEXT) || '/' || coalesce(stream, '')) $generated
)

-- name: calls_key
CREATE UNIQUE INDEX _calls_key ON _calls (day, subject_key, kind)

-- name: origin
-- Which Procore all of this was read from, by its two hosts: marks and ids of one mean nothing in another. One row.
CREATE TABLE _origin (
    login TEXT NOT NULL,
    api TEXT NOT NULL
)
