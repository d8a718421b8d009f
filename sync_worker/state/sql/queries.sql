-- name: open_run
-- A run begins, one that was waiting too; it has no outcome until it ends.
INSERT INTO _runs (run_id, job, trigger, scheduled_at, started_at)
VALUES (:run_id, :job, :trigger, :scheduled_at, :started_at)
ON CONFLICT (run_id) DO UPDATE SET started_at = excluded.started_at;

-- name: close_run
-- The outcome of a run and the sums of its scopes, written once.
UPDATE _runs SET
    outcome = :outcome, finished_at = :finished_at, error = :error,
    (requests, rows_seen, inserted, updated, unchanged, deleted) = (
        SELECT coalesce(sum(requests), 0), coalesce(sum(rows_seen), 0), coalesce(sum(inserted), 0),
               coalesce(sum(updated), 0), coalesce(sum(unchanged), 0), coalesce(sum(deleted), 0)
        FROM _run_scopes WHERE run_id = :run_id),
    quarantined = (SELECT coalesce(sum(records), 0) FROM _set_aside WHERE run_id = :run_id)
WHERE run_id = :run_id AND outcome IS NULL;

-- name: record_failure
-- Which group of errors ended a run; like its outcome the first one stands.
INSERT INTO _run_details (run_id, failure) VALUES (:run_id, :failure)
ON CONFLICT (run_id) DO UPDATE SET failure = coalesce(_run_details.failure, excluded.failure);

-- name: record_plan
-- How many partitions a run has in all, once that is known: those told of already, and those ahead.
INSERT INTO _run_details (run_id, partitions)
SELECT :run_id, :ahead + count(*) FROM _run_scopes WHERE run_id = :run_id
ON CONFLICT (run_id) DO UPDATE SET partitions = excluded.partitions;

-- name: unfinished_runs
-- Runs that began and have no outcome.
SELECT run_id FROM _runs WHERE outcome IS NULL AND started_at IS NOT NULL;

-- name: runs_under_way_beside
-- The runs that wait or go on beside one, and the last run there is.
SELECT (SELECT json_group_array(run_id) FROM _runs WHERE outcome IS NULL AND run_id <> :run_id),
       (SELECT max(rowid) FROM _runs);

-- name: runs_since_beside
-- The runs that went on beside one since it was asked which these were, and all that came later.
SELECT run_id FROM _runs
WHERE run_id <> :run_id AND (rowid > :last OR run_id IN (SELECT value FROM json_each(:under_way)));

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

-- name: forget_set_aside
-- The next sweep counts again what it sets aside.
DELETE FROM _set_aside
WHERE run_id = :run_id AND stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: count_set_aside
-- More records of a scope could not be stored.
INSERT INTO _set_aside (run_id, stream, company_id, project_id, records)
VALUES (:run_id, :stream, :company_id, :project_id, :records)
ON CONFLICT (run_id, stream, coalesce(company_id, 0), coalesce(project_id, 0)) DO UPDATE SET
    records = _set_aside.records + excluded.records;

-- name: read_set_aside
-- How many records of a scope a run could not store.
SELECT coalesce(sum(records), 0) FROM _set_aside
WHERE run_id = :run_id AND stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: scope_counts
-- What a sweep has counted so far.
SELECT rows_seen, distinct_keys, inserted, updated FROM _run_scopes
WHERE run_id = :run_id AND stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: was_read_whole
-- Whether a run has read all of one (stream, scope) and proven it complete.
SELECT 1 FROM _run_scopes
WHERE run_id = :run_id AND stream = :stream AND verdict = 'complete' AND window_from IS NULL
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: close_scope
-- The verdict of one (stream, scope), or none when it was interrupted.
UPDATE _run_scopes SET
    verdict = :verdict, total = :total, requests = :requests, error = :error, finished_at = :finished_at,
    deleted = :deleted,
    unchanged = CASE WHEN distinct_keys > inserted + updated + :quarantined
                     THEN distinct_keys - inserted - updated - :quarantined ELSE 0 END
WHERE run_id = :run_id AND stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: note_latest_scope
-- This run has the last verdict of a (stream, scope).
INSERT INTO _latest_scopes (stream, company_id, project_id, run_id)
VALUES (:stream, :company_id, :project_id, :run_id)
ON CONFLICT (stream, coalesce(company_id, 0), coalesce(project_id, 0)) DO UPDATE SET run_id = excluded.run_id;

-- name: run_scopes
-- All scopes of a run in the order they began.
SELECT stream, company_id, project_id, verdict, total, rows_seen, inserted, updated, unchanged, deleted, requests, error
FROM _run_scopes WHERE run_id = :run_id ORDER BY started_at, stream, company_id, project_id;

-- name: run_totals
-- The sums of a finished run, and what ended it.
SELECT outcome, requests, rows_seen, inserted, updated, unchanged, deleted, quarantined, error, failure
FROM _runs LEFT JOIN _run_details USING (run_id) WHERE run_id = :run_id;

-- name: run_so_far
-- How far a run is, for who follows it.
SELECT r.started_at, r.outcome, r.error, d.partitions,
       (SELECT coalesce(sum(s.rows_seen), 0) FROM _run_scopes AS s WHERE s.run_id = r.run_id)
FROM _runs AS r LEFT JOIN _run_details AS d ON d.run_id = r.run_id WHERE r.run_id = :run_id;

-- name: scopes_finished
-- The scopes of a run that ended at that instant or later.
SELECT stream, company_id, project_id, verdict, error, requests, finished_at
FROM _run_scopes WHERE run_id = :run_id AND finished_at >= :since ORDER BY finished_at, stream, company_id, project_id;

-- name: read_checkpoint
-- The high-water mark of one (stream, scope), and when the run began that set it.
SELECT c.mark, c.completed_at, c.run_id, r.started_at FROM _checkpoints AS c
LEFT JOIN _runs AS r ON r.run_id = c.run_id
WHERE c.stream = :stream
  AND coalesce(c.company_id, 0) = coalesce(:company_id, 0) AND coalesce(c.project_id, 0) = coalesce(:project_id, 0);

-- name: move_checkpoint
-- The mark moves, and back only where that is allowed.
INSERT INTO _checkpoints (stream, company_id, project_id, mark, completed_at, run_id)
VALUES (:stream, :company_id, :project_id, :mark, :completed_at, :run_id)
ON CONFLICT (stream, coalesce(company_id, 0), coalesce(project_id, 0)) DO UPDATE SET
    mark = CASE WHEN excluded.mark > _checkpoints.mark OR :may_go_back = 1 THEN excluded.mark
                ELSE _checkpoints.mark END,
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

-- name: meet_quarantined
-- A record that was set aside by an earlier run is met again as it was; this run counts it, `at` stays.
UPDATE _quarantine SET run_id = :run_id WHERE rowid = (
    SELECT min(rowid) FROM _quarantine
    WHERE stream = :stream AND record = :record AND run_id <> :run_id
      AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0))
RETURNING 1;

-- name: quarantine_record
-- A record that cannot be stored, kept as sent.
INSERT INTO _quarantine (stream, company_id, project_id, run_id, at, reason, record)
VALUES (:stream, :company_id, :project_id, :run_id, :at, :reason, :record);

-- name: bound_quarantine
-- Of the records of a scope the newest stay, those that this run met first.
DELETE FROM _quarantine WHERE rowid IN (
    SELECT rowid FROM _quarantine
    WHERE stream = :stream
      AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0)
    ORDER BY run_id = :run_id DESC, rowid DESC LIMIT -1 OFFSET :most);

-- name: forget_healed
-- A reading of everything did not meet these records again: they are stored now, or gone.
DELETE FROM _quarantine
WHERE stream = :stream AND run_id <> :run_id
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: prune_set_aside
-- What a run counted goes with it.
DELETE FROM _set_aside WHERE run_id = :run_id;

-- name: is_same
-- Whether two sets of keys are one and the same.
SELECT (SELECT count(*) FROM _noted WHERE noted = :one) = (SELECT count(*) FROM _noted WHERE noted = :other)
   AND NOT EXISTS (SELECT key FROM _noted WHERE noted = :one EXCEPT SELECT key FROM _noted WHERE noted = :other);

-- name: note_agreed
-- Of the rows that a sweep takes for deleted, those that an earlier run held; one list alone cannot agree with itself.
INSERT INTO _noted
SELECT :agreed, record_key FROM _held_deletes
WHERE stream = :stream AND run_id <> :run_id AND NOT (ground = 'signal' AND :ground = 'signal')
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0)
  AND EXISTS (SELECT 1 FROM _noted AS gone WHERE gone.noted = :gone AND gone.key = record_key)
RETURNING 1;

-- name: forget_agreed
-- What is agreed on is not held any longer.
DELETE FROM _noted WHERE noted = :gone AND key IN (SELECT key FROM _noted WHERE noted = :agreed);

-- name: hold_deletes
-- Rows that a sweep takes for deleted wait for a second one; what was held already keeps its date.
INSERT INTO _held_deletes (stream, company_id, project_id, record_key, ground, run_id, held_at)
SELECT :stream, :company_id, :project_id, key, :ground, :run_id, :held_at FROM _noted WHERE noted = :gone
ON CONFLICT (stream, coalesce(company_id, 0), coalesce(project_id, 0), record_key) DO NOTHING;

-- name: release_held
-- Rows of a set are held no longer: they were seen alive, or are deleted now.
DELETE FROM _held_deletes
WHERE stream = :stream AND EXISTS (SELECT 1 FROM _noted WHERE noted = :noted AND key = record_key)
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: release_other_held
-- Rows outside a set are held no longer: they belong to another scope now, or are deleted already.
DELETE FROM _held_deletes
WHERE stream = :stream AND NOT EXISTS (SELECT 1 FROM _noted WHERE noted = :noted AND key = record_key)
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: forget_unheld
-- Of a set of keys those alone stay that are held.
DELETE FROM _noted
WHERE noted = :noted AND NOT EXISTS (
    SELECT 1 FROM _held_deletes
    WHERE record_key = key AND stream = :stream
      AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0));

-- name: held_deletes
-- How many rows of each scope wait, since when and why.
SELECT stream, company_id, project_id, count(*), min(held_at), min(ground), min(run_id)
FROM _held_deletes GROUP BY stream, company_id, project_id ORDER BY stream, company_id, project_id;

-- name: held_keys
-- Which rows of one scope wait.
SELECT record_key FROM _held_deletes
WHERE stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0)
ORDER BY record_key;

-- name: is_any_held
-- Whether rows of one scope wait.
SELECT 1 FROM _held_deletes
WHERE stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0)
LIMIT 1;

-- name: read_signal
-- When the tool's own list of deleted records was last asked for.
SELECT asked_at, refused FROM _delete_signals
WHERE stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: record_signal
-- The tool's own list of deleted records was asked for.
INSERT INTO _delete_signals (stream, company_id, project_id, asked_at, refused)
VALUES (:stream, :company_id, :project_id, :asked_at, :refused)
ON CONFLICT (stream, coalesce(company_id, 0), coalesce(project_id, 0)) DO UPDATE SET
    asked_at = excluded.asked_at, refused = excluded.refused;

-- name: widen_scope
-- A sweep reads more than it was opened for.
UPDATE _run_scopes SET window_from = :window_from, window_to = :window_to
WHERE run_id = :run_id AND stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: forget_parent_read
-- A parent is gone: should it come back, its nested list is read anew.
DELETE FROM _parents_read
WHERE stream = :stream AND parent_key = :parent_key
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: enqueue_tick
-- A tick becomes a run that waits to be taken; a tick that is known already changes nothing.
INSERT INTO _runs (run_id, job, trigger, scheduled_at)
VALUES (:run_id, :job, :trigger, :scheduled_at)
ON CONFLICT (job, scheduled_at) WHERE scheduled_at IS NOT NULL DO NOTHING
RETURNING run_id;

-- name: enqueue_run
-- A run that waits to be taken.
INSERT INTO _runs (run_id, job, trigger) VALUES (:run_id, :job, :trigger);

-- name: enqueue_request
-- What a waiting run is to read.
INSERT INTO _queue (run_id, streams, projects, full_refresh, since_on, until_on, no_wait)
VALUES (:run_id, :streams, :projects, :full_refresh, :since_on, :until_on, :no_wait);

-- name: forget_request
-- A run's request, once the run is done or another one goes on with it.
DELETE FROM _queue WHERE run_id = :run_id;

-- name: queued_runs
-- Runs that wait to be taken, in the order they were asked for.
SELECT run_id, job, trigger, scheduled_at, streams, projects, full_refresh, since_on, until_on, no_wait
FROM _runs LEFT JOIN _queue USING (run_id)
WHERE started_at IS NULL AND outcome IS NULL ORDER BY _runs.rowid;

-- name: interrupted_runs
-- Runs of the daemon's own that were cut short: what it was asked for by hand, and of its jobs what no later run of the
-- same job has gone on with. One that ended with the allowance was to end there.
SELECT run_id, job, trigger, streams, projects, full_refresh, since_on, until_on, no_wait
FROM _runs AS cut LEFT JOIN _queue USING (run_id) LEFT JOIN _run_details USING (run_id)
WHERE outcome = 'interrupted' AND failure IS NOT 'AllowanceSpent' AND (streams IS NOT NULL OR (
    trigger IN ('schedule', 'catch_up')
    AND NOT EXISTS (SELECT 1 FROM _runs AS later
                    WHERE later.job = cut.job AND later.rowid > cut.rowid AND later.outcome IS NOT 'skipped')))
ORDER BY cut.rowid;

-- name: last_tick
-- The latest tick of a job that is not in the future, which a clock that was wrong may have left there.
SELECT max(scheduled_at) FROM _runs WHERE job = :job AND scheduled_at <= :until;

-- name: run_progress
-- Whether a run has begun, and how it ended.
SELECT started_at, outcome FROM _runs WHERE run_id = :run_id;

-- name: all_checkpoints
-- Every high-water mark.
SELECT stream, company_id, project_id, mark, completed_at, run_id FROM _checkpoints
ORDER BY stream, company_id, project_id;

-- name: reset_checkpoints
-- A stream forgets how far it was read, in one project or everywhere.
DELETE FROM _checkpoints
WHERE stream = :stream AND (CAST(:project_id AS BIGINT) IS NULL OR project_id = :project_id);

-- name: latest_runs
-- The runs that wait, then those that began last.
SELECT run_id, job, trigger, scheduled_at, started_at, finished_at, outcome, requests, rows_seen, inserted, updated,
       unchanged, deleted, quarantined, error
FROM _runs ORDER BY coalesce(started_at, '9999') DESC, run_id DESC LIMIT :most;

-- name: find_run
-- One run.
SELECT run_id, job, trigger, scheduled_at, started_at, finished_at, outcome, requests, rows_seen, inserted, updated,
       unchanged, deleted, quarantined, error
FROM _runs WHERE run_id = :run_id;

-- name: runs_ended_since
-- Runs that ended at that instant or later.
SELECT run_id, job, trigger, scheduled_at, started_at, finished_at, outcome, requests, rows_seen, inserted, updated,
       unchanged, deleted, quarantined, error
FROM _runs WHERE finished_at >= :since ORDER BY finished_at;

-- name: runs_under_way
-- Runs that have not ended, with what their scopes have come to; the sums of a run are written at its end.
SELECT r.run_id, r.job, r.trigger, r.started_at, max(d.partitions), count(s.stream), count(s.finished_at),
       coalesce(sum(s.rows_seen), 0), coalesce(sum(s.requests), 0), max(coalesce(s.finished_at, s.started_at))
FROM _runs AS r
LEFT JOIN _run_details AS d ON d.run_id = r.run_id
LEFT JOIN _run_scopes AS s ON s.run_id = r.run_id
WHERE r.outcome IS NULL AND r.started_at IS NOT NULL
GROUP BY r.run_id, r.job, r.trigger, r.started_at ORDER BY r.started_at;

-- name: latest_scopes
-- The last verdict of every (stream, scope) and its high-water mark, if it was ever complete. Each has its line; the
-- LEFT JOIN keeps a planner that knows no sizes from walking through all lines of the ledger instead.
SELECT s.stream, s.company_id, s.project_id, s.verdict, s.error, s.run_id, s.finished_at, c.mark
FROM _latest_scopes AS l
LEFT JOIN _run_scopes AS s ON s.run_id = l.run_id AND s.stream = l.stream
    AND coalesce(s.company_id, 0) = coalesce(l.company_id, 0)
    AND coalesce(s.project_id, 0) = coalesce(l.project_id, 0)
LEFT JOIN _checkpoints AS c ON c.stream = s.stream
    AND coalesce(c.company_id, 0) = coalesce(s.company_id, 0)
    AND coalesce(c.project_id, 0) = coalesce(s.project_id, 0)
ORDER BY s.stream, s.company_id, s.project_id;

-- name: last_readings
-- What the last reading of every (stream, scope) came to, and its high-water mark; LEFT JOIN as above.
SELECT s.stream, s.company_id, s.project_id, s.verdict, s.requests, s.finished_at, c.mark
FROM _latest_scopes AS l
LEFT JOIN _run_scopes AS s ON s.run_id = l.run_id AND s.stream = l.stream
    AND coalesce(s.company_id, 0) = coalesce(l.company_id, 0)
    AND coalesce(s.project_id, 0) = coalesce(l.project_id, 0)
LEFT JOIN _checkpoints AS c ON c.stream = s.stream
    AND coalesce(c.company_id, 0) = coalesce(s.company_id, 0)
    AND coalesce(c.project_id, 0) = coalesce(s.project_id, 0);

-- name: runs_with_old_scopes
-- Runs that ended before, with scopes that a later run has read again.
SELECT r.run_id FROM _runs AS r
WHERE r.finished_at < :before AND EXISTS (
    SELECT 1 FROM _run_scopes AS s WHERE s.run_id = r.run_id AND NOT EXISTS (
        SELECT 1 FROM _latest_scopes AS l
        WHERE l.run_id = s.run_id AND l.stream = s.stream
          AND coalesce(l.company_id, 0) = coalesce(s.company_id, 0)
          AND coalesce(l.project_id, 0) = coalesce(s.project_id, 0)))
ORDER BY r.finished_at;

-- name: prune_scopes
-- The scopes of a run go, but for those whose last verdict it has.
DELETE FROM _run_scopes
WHERE run_id = :run_id AND NOT EXISTS (
    SELECT 1 FROM _latest_scopes AS l
    WHERE l.run_id = _run_scopes.run_id AND l.stream = _run_scopes.stream
      AND coalesce(l.company_id, 0) = coalesce(_run_scopes.company_id, 0)
      AND coalesce(l.project_id, 0) = coalesce(_run_scopes.project_id, 0));

-- name: old_runs
-- Runs that ended before and have no scopes left; the last tick of a job stays, or it would be taken for missed.
SELECT r.run_id FROM _runs AS r
WHERE r.finished_at < :before
  AND NOT EXISTS (SELECT 1 FROM _run_scopes AS s WHERE s.run_id = r.run_id)
  AND (r.scheduled_at IS NULL OR EXISTS (
      SELECT 1 FROM _runs AS later
      WHERE later.job = r.job AND later.scheduled_at > r.scheduled_at AND later.scheduled_at <= :now))
ORDER BY r.finished_at LIMIT :most;

-- name: prune_run
-- A run goes.
DELETE FROM _runs WHERE run_id = :run_id;

-- name: prune_details
-- What was kept beside a run goes with it.
DELETE FROM _run_details WHERE run_id = :run_id;

-- name: prune_requests
-- What runs were asked for goes once they are done; one that was cut short is gone on with.
DELETE FROM _queue
WHERE run_id IN (SELECT run_id FROM _runs WHERE outcome IS NOT NULL AND outcome <> 'interrupted');

-- name: reset_signals
-- A stream forgets when its deleted records were asked for.
DELETE FROM _delete_signals
WHERE stream = :stream AND (CAST(:project_id AS BIGINT) IS NULL OR project_id = :project_id);

-- name: reset_rereads
-- A stream forgets how far back it was read.
DELETE FROM _rereads
WHERE stream = :stream AND (CAST(:project_id AS BIGINT) IS NULL OR project_id = :project_id);

-- name: reset_parents_read
-- A nested stream forgets for which parents it was read.
DELETE FROM _parents_read
WHERE stream = :stream AND (CAST(:project_id AS BIGINT) IS NULL OR project_id = :project_id);

-- name: record_calls
-- More calls of the same day, company, stream and kind.
INSERT INTO _calls (day, company_id, stream, kind, calls) VALUES (:day, :company_id, :stream, :kind, :calls)
ON CONFLICT (day, coalesce(company_id, 0), coalesce(stream, ''), kind) DO UPDATE SET
    calls = _calls.calls + excluded.calls;

-- name: calls_since
-- All that was counted on a day and later.
SELECT day, company_id, stream, kind, calls FROM _calls WHERE day >= :first_day ORDER BY day, company_id, stream, kind;

-- name: prune_calls
-- Counts of days that are long gone.
DELETE FROM _calls WHERE day < :first_day;

-- name: avoided_by_day
-- The calls that were not made, by the day on which their run began and by reason.
SELECT substr(r.started_at, 1, 10), a.reason, sum(a.calls)
FROM _avoided AS a JOIN _runs AS r ON r.run_id = a.run_id
WHERE r.started_at >= :first_day
GROUP BY substr(r.started_at, 1, 10), a.reason ORDER BY 1, 3 DESC, 2;

-- name: quarantined_by_stream
-- How many records of each stream are set aside, in how many scopes, since when, and the reason of the first.
SELECT stream, count(*), count(DISTINCT coalesce(project_id, 0)), min(at), reason
FROM _quarantine GROUP BY stream ORDER BY stream;

-- name: read_refusals
-- All that may not be read, single parents left out.
SELECT subject, company_id, project_id, kind, reason, refused_at, probed_at, probe_at
FROM _refusals WHERE parent_key IS NULL ORDER BY subject, company_id, project_id;

-- name: record_refusal
-- Something may not be read; since when it may not stays.
INSERT INTO _refusals (subject, company_id, project_id, kind, reason, refused_at, probed_at, probe_at)
VALUES (:subject, :company_id, :project_id, :kind, :reason, :refused_at, :probed_at, :probe_at)
ON CONFLICT (subject, coalesce(company_id, 0), coalesce(project_id, 0), coalesce(parent_key, '')) DO UPDATE SET
    kind = excluded.kind, reason = excluded.reason, probed_at = excluded.probed_at, probe_at = excluded.probe_at;

-- name: forget_refusal
-- A stream or a tool may be read again.
DELETE FROM _refusals
WHERE subject = :subject AND parent_key IS NULL
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: reset_refusals
-- A stream forgets where it may not be read.
DELETE FROM _refusals
WHERE subject = :stream AND (CAST(:project_id AS BIGINT) IS NULL OR project_id = :project_id);

-- name: record_avoided
-- The calls of a stream that a run did not make.
INSERT INTO _avoided (run_id, stream, reason, calls) VALUES (:run_id, :stream, :reason, :calls)
ON CONFLICT (run_id, stream, reason) DO UPDATE SET calls = excluded.calls;

-- name: run_avoided
-- The calls that a run did not make.
SELECT stream, reason, calls FROM _avoided WHERE run_id = :run_id ORDER BY stream, reason;

-- name: prune_avoided
-- What a run did not ask for goes with it.
DELETE FROM _avoided WHERE run_id = :run_id;

-- name: read_page_sizes
-- The largest pages that were learned of since then.
SELECT stream, per_page FROM _page_sizes WHERE learned_at >= :since;

-- name: record_page_size
-- A list gives no larger page than that.
INSERT INTO _page_sizes (stream, per_page, learned_at) VALUES (:stream, :per_page, :learned_at)
ON CONFLICT (stream) DO UPDATE SET per_page = excluded.per_page, learned_at = excluded.learned_at;

-- name: read_allowance
-- The windows of the allowance as last known.
SELECT period, seconds, call_limit, granted, used, remaining, resets_at, waits_until, seen_at
FROM _allowance ORDER BY seconds DESC;

-- name: read_spent
-- Our own calls of the hour before the last was written, by minute.
SELECT minute, calls FROM _allowance_spent ORDER BY minute;

-- name: write_allowance
-- A window as it is known now.
INSERT INTO _allowance (period, seconds, call_limit, granted, used, remaining, resets_at, waits_until, seen_at)
VALUES (:period, :seconds, :limit, :granted, :used, :remaining, :resets_at, :waits_until, :seen_at)
ON CONFLICT (period) DO UPDATE SET
    seconds = excluded.seconds, call_limit = excluded.call_limit, granted = excluded.granted, used = excluded.used,
    remaining = excluded.remaining, resets_at = excluded.resets_at, waits_until = excluded.waits_until,
    seen_at = excluded.seen_at;

-- name: lift_allowance
-- Nobody waits any more; what is known of the limits stays.
UPDATE _allowance SET waits_until = NULL, remaining = NULL, resets_at = NULL, lifted_at = :lifted_at;

-- name: allowance_lifted_at
-- When somebody last ended the wait.
SELECT max(lifted_at) FROM _allowance;

-- name: forget_spent
-- The last hour is written anew.
DELETE FROM _allowance_spent;

-- name: parents_refused
-- The parents whose nested list may not be read, as their rows were then.
SELECT parent_key, row_hash, kind, probe_at FROM _refusals
WHERE subject = :stream AND parent_key IS NOT NULL
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: record_parent_refused
-- The nested list of a parent may not be read.
INSERT INTO _refusals
    (subject, company_id, project_id, parent_key, row_hash, kind, reason, refused_at, probed_at, probe_at)
VALUES (:stream, :company_id, :project_id, :parent_key, :row_hash, :kind, :reason, :at, :at, :probe_at)
ON CONFLICT (subject, coalesce(company_id, 0), coalesce(project_id, 0), coalesce(parent_key, '')) DO UPDATE SET
    row_hash = excluded.row_hash, kind = excluded.kind, reason = excluded.reason, probed_at = excluded.probed_at,
    probe_at = excluded.probe_at;

-- name: forget_parent_refused
-- The nested list of a parent may be read again.
DELETE FROM _refusals
WHERE subject = :stream AND parent_key = :parent_key
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: read_volatile_paths
-- The paths of signed URLs that were learned of a stream.
SELECT path FROM _volatile_paths WHERE stream = :stream ORDER BY path;

-- name: all_volatile_paths
-- The paths of signed URLs of all streams.
SELECT stream, path FROM _volatile_paths ORDER BY stream, path;

-- name: learn_volatile_path
-- A path of signed URLs.
INSERT INTO _volatile_paths (stream, path, learned_at) VALUES (:stream, :path, :learned_at)
ON CONFLICT (stream, path) DO NOTHING;

-- name: rehash_parents_read
-- A parent's row has another hash and the same content.
UPDATE _parents_read SET row_hash = :after WHERE row_hash = :before;

-- name: rehash_parents_refused
-- The same for lists that may not be read.
UPDATE _refusals SET row_hash = :after WHERE row_hash = :before;

-- name: forget_restless
-- Some records of a list were as they are stored.
DELETE FROM _restless
WHERE stream = :stream
  AND coalesce(company_id, 0) = coalesce(:company_id, 0) AND coalesce(project_id, 0) = coalesce(:project_id, 0);

-- name: record_restless
-- All known records of a list had changed once more.
INSERT INTO _restless (stream, company_id, project_id, readings, records, fields)
VALUES (:stream, :company_id, :project_id, 1, :records, :fields)
ON CONFLICT (stream, coalesce(company_id, 0), coalesce(project_id, 0)) DO UPDATE SET
    readings = _restless.readings + 1, records = excluded.records, fields = excluded.fields;

-- name: restless_streams
-- Streams with lists of which all records changed that often in a row: how many records, and the fields of each list.
SELECT stream, sum(records), json_group_array(fields) FROM _restless
WHERE readings >= :readings GROUP BY stream HAVING sum(records) >= :records ORDER BY stream;

-- name: drifted_fields
-- The fields whose type changed.
SELECT stream, field FROM _schema_changes WHERE kind = 'type_changed' ORDER BY stream, field;

-- name: columns_of_streams
-- The tables of streams, each with its columns as a JSON array.
SELECT stream.name, json_group_array(known.name)
FROM sqlite_master AS stream JOIN pragma_table_info(stream.name) AS known
WHERE stream.type = 'table'
  AND EXISTS (SELECT 1 FROM pragma_table_info(stream.name) AS own WHERE own.name = '_row_hash')
GROUP BY stream.name;

-- name: read_origin
-- The Procore that the database was read from.
SELECT login, api FROM _origin;

-- name: forget_origin
-- The next run records the configured one.
DELETE FROM _origin;

-- name: record_origin
-- The first one stands.
INSERT INTO _origin (login, api) SELECT :login, :api WHERE NOT EXISTS (SELECT 1 FROM _origin);
