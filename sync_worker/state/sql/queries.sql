-- name: open_run
-- A run begins; it has no outcome until it ends.
INSERT INTO _runs (run_id, job, trigger, scheduled_at, started_at)
VALUES (:run_id, :job, :trigger, :scheduled_at, :started_at);

-- name: close_run
-- The outcome of a run and the sums of its scopes, written once.
UPDATE _runs SET
    outcome = :outcome, finished_at = :finished_at, error = :error,
    (requests, rows_seen, inserted, updated, unchanged, deleted) = (
        SELECT coalesce(sum(requests), 0), coalesce(sum(rows_seen), 0), coalesce(sum(inserted), 0),
               coalesce(sum(updated), 0), coalesce(sum(unchanged), 0), coalesce(sum(deleted), 0)
        FROM _run_scopes WHERE run_id = :run_id),
    quarantined = (SELECT count(*) FROM _quarantine WHERE run_id = :run_id)
WHERE run_id = :run_id AND outcome IS NULL;

-- name: unfinished_runs
-- Runs that began and have no outcome.
SELECT run_id FROM _runs WHERE outcome IS NULL AND started_at IS NOT NULL;

-- name: open_scope
-- The sweep of one (stream, scope) begins.
INSERT INTO _run_scopes (run_id, stream, company_id, project_id, window_from, window_to, started_at)
VALUES (:run_id, :stream, :company_id, :project_id, :window_from, :window_to, :started_at);

-- name: record_page
-- Progress of a sweep, in the transaction that stores the page's rows.
UPDATE _run_scopes SET
    pages = pages + 1, rows_seen = rows_seen + :rows_seen, distinct_keys = distinct_keys + :distinct_keys,
    inserted = inserted + :inserted, updated = updated + :updated
WHERE run_id = :run_id AND stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: restart_scope
-- Another sweep of the same scope begins because the last one proved nothing; what it stored stays counted.
UPDATE _run_scopes SET rows_seen = :rows_seen, distinct_keys = :distinct_keys
WHERE run_id = :run_id AND stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: forget_quarantined
-- What the sweep before set aside is met again by the next one.
DELETE FROM _quarantine
WHERE run_id = :run_id AND stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: count_quarantined
-- How many records of a scope a run has set aside.
SELECT count(*) FROM _quarantine
WHERE run_id = :run_id AND stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: scope_counts
-- What a sweep has counted so far.
SELECT rows_seen, distinct_keys, inserted, updated FROM _run_scopes
WHERE run_id = :run_id AND stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: close_scope
-- The verdict of one (stream, scope), or none when it was interrupted.
UPDATE _run_scopes SET
    verdict = :verdict, total = :total, requests = :requests, error = :error, finished_at = :finished_at,
    unchanged = CASE WHEN distinct_keys > inserted + updated + :quarantined
                     THEN distinct_keys - inserted - updated - :quarantined ELSE 0 END
WHERE run_id = :run_id AND stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: run_scopes
-- All scopes of a run in the order they began.
SELECT stream, company_id, project_id, verdict, total, rows_seen, inserted, updated, unchanged, deleted, requests, error
FROM _run_scopes WHERE run_id = :run_id ORDER BY started_at, stream, company_id, project_id;

-- name: run_totals
-- The sums of a finished run.
SELECT outcome, requests, rows_seen, inserted, updated, unchanged, deleted, quarantined, error
FROM _runs WHERE run_id = :run_id;

-- name: read_checkpoint
-- The high-water mark of one (stream, scope).
SELECT mark, completed_at, run_id FROM _checkpoints
WHERE stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: move_checkpoint
-- The mark moves, and never back.
INSERT INTO _checkpoints (stream, company_id, project_id, mark, completed_at, run_id)
VALUES (:stream, :company_id, :project_id, :mark, :completed_at, :run_id)
ON CONFLICT (stream, coalesce(company_id, 0), coalesce(project_id, 0)) DO UPDATE SET
    mark = CASE WHEN excluded.mark > _checkpoints.mark THEN excluded.mark ELSE _checkpoints.mark END,
    completed_at = excluded.completed_at, run_id = excluded.run_id;

-- name: read_rereads
-- How far back one (stream, scope) was read, and when.
SELECT reach, start_on, read_at FROM _rereads
WHERE stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: record_reread
-- A (stream, scope) was read as far back as that.
INSERT INTO _rereads (stream, company_id, project_id, reach, start_on, read_at, run_id)
VALUES (:stream, :company_id, :project_id, :reach, :start_on, :read_at, :run_id)
ON CONFLICT (stream, coalesce(company_id, 0), coalesce(project_id, 0), reach) DO UPDATE SET
    start_on = excluded.start_on, read_at = excluded.read_at, run_id = excluded.run_id;

-- name: parents_read
-- The parents whose nested list was read to its end.
SELECT parent_key, row_hash FROM _parents_read
WHERE stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: record_parent_read
-- The nested list of a parent was read to its end.
INSERT INTO _parents_read (stream, company_id, project_id, parent_key, row_hash)
VALUES (:stream, :company_id, :project_id, :parent_key, :row_hash)
ON CONFLICT (stream, coalesce(company_id, 0), coalesce(project_id, 0), parent_key) DO UPDATE SET
    row_hash = excluded.row_hash;

-- name: begin_backfill
-- A backfill begins, or goes on: then its last day stays.
INSERT INTO _backfills (request, until_on) VALUES (:request, :until_on) ON CONFLICT (request) DO NOTHING;

-- name: backfill_until
-- The last day of a backfill.
SELECT until_on FROM _backfills WHERE request = :request;

-- name: backfilled_parts
-- The parts of one (stream, scope) that a backfill has read.
SELECT part FROM _backfill_parts
WHERE request = :request AND stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: record_backfilled_part
-- A part of a backfill is proven complete.
INSERT INTO _backfill_parts (request, stream, company_id, project_id, part, run_id)
VALUES (:request, :stream, :company_id, :project_id, :part, :run_id)
ON CONFLICT (request, stream, coalesce(company_id, 0), coalesce(project_id, 0), part) DO NOTHING;

-- name: forget_backfilled_parts
-- A backfill is finished: asked for again it begins anew.
DELETE FROM _backfill_parts WHERE request = :request;

-- name: forget_backfill
-- A backfill is finished.
DELETE FROM _backfills WHERE request = :request;

-- name: record_schema_change
-- A field drifted from its declaration; said once.
INSERT INTO _schema_changes (stream, field, kind, run_id, seen_at)
VALUES (:stream, :field, :kind, :run_id, :seen_at)
ON CONFLICT (stream, field, kind) DO NOTHING;

-- name: quarantine_record
-- A record that cannot be stored, kept as sent.
INSERT INTO _quarantine (stream, company_id, project_id, run_id, at, reason, record)
VALUES (:stream, :company_id, :project_id, :run_id, :at, :reason, :record);
