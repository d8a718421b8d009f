-- name: open_run
-- A run begins, one that was waiting too; it has no outcome until it ends.
INSERT INTO _runs (run_id, job, trigger, scheduled_at, started_at)
VALUES (:run_id, :job, :trigger, :scheduled_at, :started_at)
ON CONFLICT (run_id) DO UPDATE SET started_at = excluded.started_at;

-- name: number_run
-- The place of a run in the order in which runs were written, and what it is to read if its job does not say it.
INSERT INTO _run_details (run_id, request) VALUES (:run_id, :request) ON CONFLICT (run_id) DO NOTHING;

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
UPDATE _run_details SET failure = coalesce(failure, :failure) WHERE run_id = :run_id;

-- name: record_plan
-- How many partitions a run has in all, once that is known: those that began already, and those ahead.
UPDATE _run_details SET
    partitions = :ahead + (SELECT count(*) FROM _run_scopes WHERE run_id = :run_id)
WHERE run_id = :run_id;

-- name: unfinished_runs
-- Runs that began and have no outcome.
SELECT run_id FROM _runs WHERE outcome IS NULL AND started_at IS NOT NULL;

-- name: queue_for_lease
-- A run wants to read a (stream, scope); its place in line stays however often it asks.
INSERT INTO _leases (stream, company_id, project_id, run_id)
VALUES (:stream, :company_id, :project_id, :run_id)
ON CONFLICT (stream, scope_key, run_id) DO NOTHING;

-- name: lease_line
-- The run that may read a (stream, scope), and those that wait for it, oldest first.
SELECT run_id FROM _leases WHERE stream = :stream AND scope_key = :scope_key ORDER BY seq;

-- name: release_lease
-- The next run in line may read the (stream, scope).
DELETE FROM _leases WHERE stream = :stream AND scope_key = :scope_key AND run_id = :run_id;

-- name: release_leases
-- A run that has ended reads nothing and waits for nothing.
DELETE FROM _leases WHERE run_id = :run_id;

-- name: open_scope
-- The sweep of one (stream, scope) begins.
INSERT INTO _run_scopes (run_id, stream, company_id, project_id, window_from, window_to, started_at)
VALUES (:run_id, :stream, :company_id, :project_id, :window_from, :window_to, :started_at);

-- name: record_page
-- Progress of a sweep, in the transaction that stores the page's rows.
UPDATE _run_scopes SET
    pages = pages + 1, rows_seen = rows_seen + :rows_seen, distinct_keys = distinct_keys + :distinct_keys,
    inserted = inserted + :inserted, updated = updated + :updated
WHERE run_id = :run_id AND stream = :stream AND scope_key = :scope_key;

-- name: restart_scope
-- Another sweep of the same scope begins because the last one proved nothing; what it stored stays counted.
UPDATE _run_scopes SET rows_seen = :rows_seen, distinct_keys = :distinct_keys
WHERE run_id = :run_id AND stream = :stream AND scope_key = :scope_key;

-- name: forget_quarantined
-- What the sweep before quarantined is met again by the next one.
DELETE FROM _quarantine WHERE run_id = :run_id AND stream = :stream AND scope_key = :scope_key;

-- name: forget_set_aside
-- The next sweep counts again what it quarantines.
DELETE FROM _set_aside WHERE run_id = :run_id AND stream = :stream AND scope_key = :scope_key;

-- name: count_set_aside
-- More records of a scope could not be stored.
INSERT INTO _set_aside (run_id, stream, company_id, project_id, records)
VALUES (:run_id, :stream, :company_id, :project_id, :records)
ON CONFLICT (run_id, stream, scope_key) DO UPDATE SET records = _set_aside.records + excluded.records;

-- name: read_set_aside
-- How many records of a scope a run could not store.
SELECT CAST(coalesce(sum(records), 0) AS BIGINT) FROM _set_aside
WHERE run_id = :run_id AND stream = :stream AND scope_key = :scope_key;

-- name: scope_counts
-- What a sweep has counted so far.
SELECT s.rows_seen, s.distinct_keys, s.inserted, s.updated, coalesce(a.records, 0)
FROM _run_scopes AS s
LEFT JOIN _set_aside AS a ON a.run_id = s.run_id AND a.stream = s.stream AND a.scope_key = s.scope_key
WHERE s.run_id = :run_id AND s.stream = :stream AND s.scope_key = :scope_key;

-- name: was_read_whole
-- Whether a run has read all of one (stream, scope) and proven it complete.
SELECT 1 FROM _run_scopes
WHERE run_id = :run_id AND stream = :stream AND verdict = 'complete' AND window_from IS NULL
  AND scope_key = :scope_key;

-- name: close_scope
-- The verdict of one (stream, scope), or none when it was interrupted.
UPDATE _run_scopes SET
    verdict = :verdict, total = :total, requests = :requests, error = :error, finished_at = :finished_at,
    deleted = :deleted,
    unchanged = CASE WHEN distinct_keys > inserted + updated + :quarantined
                     THEN distinct_keys - inserted - updated - :quarantined ELSE 0 END
WHERE run_id = :run_id AND stream = :stream AND scope_key = :scope_key;

-- name: record_latest_scope
-- This run has the last verdict of a (stream, scope).
INSERT INTO _scope_state (stream, company_id, project_id, verdict_run_id)
VALUES (:stream, :company_id, :project_id, :run_id)
ON CONFLICT (stream, scope_key) DO UPDATE SET verdict_run_id = excluded.verdict_run_id;

-- name: run_scopes
-- All scopes of a run in the order they began.
SELECT stream, company_id, project_id, verdict, total, rows_seen, inserted, updated, unchanged, deleted, requests, error
FROM _run_scopes WHERE run_id = :run_id ORDER BY started_at, stream, company_id NULLS FIRST, project_id NULLS FIRST;

-- name: run_totals
-- The sums of a finished run, and what ended it.
SELECT r.outcome, r.error, d.failure,
       r.requests, r.rows_seen, r.inserted, r.updated, r.unchanged, r.deleted, r.quarantined
FROM _runs AS r LEFT JOIN _run_details AS d ON d.run_id = r.run_id WHERE r.run_id = :run_id;

-- name: run_so_far
-- How far a run is, for a process that follows it.
SELECT r.started_at, r.outcome, r.error, d.partitions,
       (SELECT CAST(coalesce(sum(s.rows_seen), 0) AS BIGINT) FROM _run_scopes AS s WHERE s.run_id = r.run_id)
FROM _runs AS r LEFT JOIN _run_details AS d ON d.run_id = r.run_id WHERE r.run_id = :run_id;

-- name: scopes_finished
-- The scopes of a run that ended at that instant or later.
SELECT stream, company_id, project_id, verdict, error, requests, finished_at
FROM _run_scopes WHERE run_id = :run_id AND finished_at >= :since
ORDER BY finished_at, stream, company_id NULLS FIRST, project_id NULLS FIRST;

-- name: read_checkpoint
-- The high-water mark of one (stream, scope), and when the run began that set it.
SELECT c.mark, c.completed_at, c.run_id, r.started_at FROM _checkpoints AS c
LEFT JOIN _runs AS r ON r.run_id = c.run_id
WHERE c.stream = :stream AND c.scope_key = :scope_key;

-- name: move_checkpoint
-- The mark moves, and back only where that is allowed.
INSERT INTO _checkpoints (stream, company_id, project_id, mark, completed_at, run_id)
VALUES (:stream, :company_id, :project_id, :mark, :completed_at, :run_id)
ON CONFLICT (stream, scope_key) DO UPDATE SET
    mark = CASE WHEN excluded.mark > _checkpoints.mark OR :may_go_back THEN excluded.mark ELSE _checkpoints.mark END,
    completed_at = excluded.completed_at, run_id = excluded.run_id;

-- name: read_last_reads
-- How far back one (stream, scope) was read, and when.
SELECT last_reads FROM _scope_state
WHERE stream = :stream AND scope_key = :scope_key AND last_reads IS NOT NULL;

-- name: record_last_reads
-- How far back a (stream, scope) was read, and when.
INSERT INTO _scope_state (stream, company_id, project_id, last_reads)
VALUES (:stream, :company_id, :project_id, :last_reads)
ON CONFLICT (stream, scope_key) DO UPDATE SET last_reads = excluded.last_reads;

-- name: parents_read
-- The parents whose nested list was read to its end.
SELECT parent_key, read_hash FROM _parents
WHERE stream = :stream AND scope_key = :scope_key AND read_hash IS NOT NULL;

-- name: record_parent_read
-- The nested list of a parent was read to its end.
INSERT INTO _parents (stream, company_id, project_id, parent_key, read_hash)
VALUES (:stream, :company_id, :project_id, :parent_key, :row_hash)
ON CONFLICT (stream, scope_key, parent_key) DO UPDATE SET read_hash = excluded.read_hash;

-- name: begin_backfill
-- A backfill begins, or goes on: then its last day stays.
INSERT INTO _backfills (request, until_on) VALUES (:request, :until_on) ON CONFLICT (request) DO NOTHING;

-- name: backfill_until
-- The last day of a backfill.
SELECT until_on FROM _backfills WHERE request = :request;

-- name: backfilled_parts
-- The parts of one (stream, scope) that a backfill has read.
SELECT part FROM _backfill_parts WHERE request = :request AND stream = :stream AND scope_key = :scope_key;

-- name: record_backfilled_part
-- A part of a backfill is proven complete.
INSERT INTO _backfill_parts (request, stream, company_id, project_id, part, run_id)
VALUES (:request, :stream, :company_id, :project_id, :part, :run_id)
ON CONFLICT (request, stream, scope_key, part) DO NOTHING;

-- name: forget_backfilled_parts
-- A backfill is finished: requested again, it begins again.
DELETE FROM _backfill_parts WHERE request = :request;

-- name: forget_backfill
-- A backfill is finished.
DELETE FROM _backfills WHERE request = :request;

-- name: record_schema_change
-- A field drifted from its declaration; said once.
INSERT INTO _schema_changes (stream, field, kind, run_id, seen_at)
VALUES (:stream, :field, :kind, :run_id, :seen_at)
ON CONFLICT (stream, field, kind) DO NOTHING;

-- name: take_quarantined
-- A record that was quarantined by earlier runs is met again as it was: once for each time that it was in the list.
DELETE FROM _quarantine
WHERE stream = :stream AND scope_key = :scope_key AND record = :record AND run_id <> :run_id
RETURNING run_id, at, reason;

-- name: quarantine_record
-- A record that cannot be stored, kept as sent.
INSERT INTO _quarantine (stream, company_id, project_id, run_id, at, reason, record)
VALUES (:stream, :company_id, :project_id, :run_id, :at, :reason, :record);

-- name: bound_quarantine
-- Of the records of a scope the newest stay, those that this run met first. A record may also be among those of an
-- earlier run, whose rows go without those of this one.
DELETE FROM _quarantine
WHERE stream = :stream AND scope_key = :scope_key AND (run_id, at, record) IN (
    SELECT run_id, at, record FROM (
        SELECT run_id, at, record, row_number() OVER (
            ORDER BY CASE WHEN run_id = :run_id THEN 0 ELSE 1 END, at DESC, record) AS place
        FROM _quarantine WHERE stream = :stream AND scope_key = :scope_key) AS ranked
    WHERE place > :most);

-- name: forget_healed
-- A reading of everything did not meet these records again: they are stored now, or gone.
DELETE FROM _quarantine
WHERE stream = :stream AND run_id <> :run_id AND scope_key = :scope_key;

-- name: prune_set_aside
-- What a run counted goes with it.
DELETE FROM _set_aside WHERE run_id = :run_id;

-- name: add_agreed
-- Of the rows that a sweep takes for deleted, those that an earlier run held; one list cannot agree with itself.
INSERT INTO _key_sets
SELECT CAST(:agreed AS BIGINT), record_key FROM _held_deletes
WHERE stream = :stream AND scope_key = :scope_key AND run_id <> :run_id AND NOT (ground = 'signal' AND :ground = 'signal')
  AND EXISTS (SELECT 1 FROM _key_sets AS gone WHERE gone.key_set = :gone AND gone.key = record_key)
RETURNING 1;

-- name: drop_agreed
-- What is agreed on is not held any longer.
DELETE FROM _key_sets WHERE key_set = :gone AND key IN (SELECT key FROM _key_sets WHERE key_set = :agreed);

-- name: hold_deletes
-- Rows that a sweep takes for deleted wait for a second one; what was held already keeps its date.
INSERT INTO _held_deletes (stream, company_id, project_id, record_key, ground, run_id, held_at)
SELECT s.stream, s.company_id, s.project_id, gone.key, :ground, s.run_id, s.started_at
FROM _key_sets AS gone CROSS JOIN _run_scopes AS s
WHERE gone.key_set = :gone AND s.run_id = :run_id AND s.stream = :stream AND s.scope_key = :scope_key
ON CONFLICT (stream, scope_key, record_key) DO NOTHING;

-- name: release_held
-- Rows of a set are held no longer: they were seen alive, or are deleted now.
DELETE FROM _held_deletes
WHERE stream = :stream AND scope_key = :scope_key
  AND EXISTS (SELECT 1 FROM _key_sets WHERE key_set = :key_set AND key = record_key);

-- name: release_other_held
-- Rows outside a set are held no longer: they belong to another scope now, or are deleted already.
DELETE FROM _held_deletes
WHERE stream = :stream AND scope_key = :scope_key
  AND NOT EXISTS (SELECT 1 FROM _key_sets WHERE key_set = :key_set AND key = record_key);

-- name: drop_unheld
-- Only held keys stay in a set.
DELETE FROM _key_sets
WHERE key_set = :key_set AND NOT EXISTS (
    SELECT 1 FROM _held_deletes WHERE stream = :stream AND scope_key = :scope_key AND record_key = key);

-- name: held_deletes
-- How many rows of each scope wait, since when and why.
SELECT stream, company_id, project_id, count(*), min(held_at), min(ground), min(run_id)
FROM _held_deletes GROUP BY stream, company_id, project_id
ORDER BY stream, company_id NULLS FIRST, project_id NULLS FIRST;

-- name: held_keys
-- Which rows of one scope wait.
SELECT record_key FROM _held_deletes WHERE stream = :stream AND scope_key = :scope_key
ORDER BY record_key;

-- name: is_any_held
-- Whether rows of one scope wait.
SELECT 1 FROM _held_deletes WHERE stream = :stream AND scope_key = :scope_key LIMIT 1;

-- name: read_signal
-- When the tool's own list of deleted records was last read.
SELECT deletes_listed_at, deletes_refused FROM _scope_state
WHERE stream = :stream AND scope_key = :scope_key AND deletes_listed_at IS NOT NULL;

-- name: record_signal
-- The tool's own list of deleted records was requested.
INSERT INTO _scope_state (stream, company_id, project_id, deletes_listed_at, deletes_refused)
VALUES (:stream, :company_id, :project_id, :asked_at, :refused)
ON CONFLICT (stream, scope_key) DO UPDATE SET
    deletes_listed_at = excluded.deletes_listed_at, deletes_refused = excluded.deletes_refused;

-- name: widen_scope
-- A sweep reads more than it was opened for.
UPDATE _run_scopes SET window_from = :window_from, window_to = :window_to
WHERE run_id = :run_id AND stream = :stream AND scope_key = :scope_key;

-- name: forget_parent_read
-- A parent is gone: should it come back, its nested list is read again.
UPDATE _parents SET read_hash = NULL
WHERE stream = :stream AND scope_key = :scope_key AND parent_key = :parent_key;

-- name: enqueue_tick
-- A tick becomes a run that waits to be taken; a tick that is known already changes nothing.
INSERT INTO _runs (run_id, job, trigger, scheduled_at)
VALUES (:run_id, :job, :trigger, :scheduled_at)
ON CONFLICT (job, scheduled_at) WHERE scheduled_at IS NOT NULL DO NOTHING
RETURNING run_id;

-- name: enqueue_run
-- A run that waits to be taken.
INSERT INTO _runs (run_id, job, trigger) VALUES (:run_id, :job, :trigger);

-- name: forget_request
-- A run's request, once another run goes on with it.
UPDATE _run_details SET request = NULL WHERE run_id = :run_id;

-- name: queued_runs
-- Runs that wait to be taken, in the order in which they were requested.
SELECT r.run_id, r.job, r.trigger, r.scheduled_at, d.request
FROM _runs AS r JOIN _run_details AS d ON d.run_id = r.run_id
WHERE r.started_at IS NULL AND r.outcome IS NULL ORDER BY d.seq;

-- name: interrupted_runs
-- Runs of the daemon's own that were cut short: those requested by hand, and of its jobs those that no later run of
-- the same job has gone on with. One that ended with the allowance was to end there.
SELECT cut.run_id, cut.job, cut.trigger, d.request
FROM _runs AS cut JOIN _run_details AS d ON d.run_id = cut.run_id
WHERE cut.outcome = 'interrupted' AND (d.failure IS NULL OR d.failure <> 'AllowanceSpent')
  AND (d.request IS NOT NULL OR (
    cut.trigger IN ('schedule', 'catch_up')
    AND NOT EXISTS (
        SELECT 1 FROM _runs AS later JOIN _run_details AS l ON l.run_id = later.run_id
        WHERE later.job = cut.job AND l.seq > d.seq AND (later.outcome IS NULL OR later.outcome <> 'skipped'))))
ORDER BY d.seq;

-- name: last_tick
-- The latest tick of a job that is not in the future, which a clock that was wrong may have left there.
SELECT max(scheduled_at) FROM _runs WHERE job = :job AND scheduled_at <= :until;

-- name: run_progress
-- Whether a run has begun, and how it ended.
SELECT started_at, outcome FROM _runs WHERE run_id = :run_id;

-- name: all_checkpoints
-- Every high-water mark.
SELECT stream, company_id, project_id, mark, completed_at, run_id FROM _checkpoints
ORDER BY stream, company_id NULLS FIRST, project_id NULLS FIRST;

-- name: reset_checkpoints
-- A stream forgets how far it was read, in one project or everywhere.
DELETE FROM _checkpoints
WHERE stream = :stream AND (CAST(:project_id AS BIGINT) IS NULL OR project_id = :project_id);

-- name: latest_runs
-- The runs that wait, then those that began last.
SELECT run_id, job, trigger, scheduled_at, started_at, finished_at, outcome, requests, rows_seen, inserted, updated,
       unchanged, deleted, quarantined, error
FROM _runs ORDER BY started_at DESC NULLS FIRST, run_id DESC LIMIT :most;

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
       CAST(coalesce(sum(s.rows_seen), 0) AS BIGINT), CAST(coalesce(sum(s.requests), 0) AS BIGINT),
       max(coalesce(s.finished_at, s.started_at))
FROM _runs AS r
LEFT JOIN _run_details AS d ON d.run_id = r.run_id
LEFT JOIN _run_scopes AS s ON s.run_id = r.run_id
WHERE r.outcome IS NULL AND r.started_at IS NOT NULL
GROUP BY r.run_id, r.job, r.trigger, r.started_at ORDER BY r.started_at;

-- name: latest_scopes
-- The last verdict of every (stream, scope) and its high-water mark, if it was ever complete. Each has its line; the
-- LEFT JOIN keeps a planner that knows no sizes from walking through all lines of the ledger instead.
SELECT s.stream, s.company_id, s.project_id, s.verdict, s.error, s.run_id, s.requests, s.finished_at, c.mark
FROM _scope_state AS l
LEFT JOIN _run_scopes AS s ON s.run_id = l.verdict_run_id AND s.stream = l.stream AND s.scope_key = l.scope_key
LEFT JOIN _checkpoints AS c ON c.stream = l.stream AND c.scope_key = l.scope_key
WHERE l.verdict_run_id IS NOT NULL
ORDER BY s.stream, s.company_id NULLS FIRST, s.project_id NULLS FIRST;

-- name: runs_with_old_scopes
-- Runs that ended before, with scopes that a later run has read again.
SELECT r.run_id FROM _runs AS r
WHERE r.finished_at < :before AND EXISTS (
    SELECT 1 FROM _run_scopes AS s WHERE s.run_id = r.run_id AND NOT EXISTS (
        SELECT 1 FROM _scope_state AS l
        WHERE l.verdict_run_id = s.run_id AND l.stream = s.stream AND l.scope_key = s.scope_key))
ORDER BY r.finished_at;

-- name: prune_scopes
-- The scopes of a run go, but for those whose last verdict it has.
DELETE FROM _run_scopes
WHERE run_id = :run_id AND NOT EXISTS (
    SELECT 1 FROM _scope_state AS l
    WHERE l.verdict_run_id = _run_scopes.run_id AND l.stream = _run_scopes.stream
      AND l.scope_key = _run_scopes.scope_key);

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
-- The details of a run are deleted with it.
DELETE FROM _run_details WHERE run_id = :run_id;

-- name: prune_requests
-- What runs were to read goes once they are done; one that was cut short is gone on with.
UPDATE _run_details SET request = NULL
WHERE request IS NOT NULL
  AND run_id IN (SELECT run_id FROM _runs WHERE outcome IS NOT NULL AND outcome <> 'interrupted');

-- name: reset_last_reads
-- A stream forgets how far back it was read, and when its deleted records were listed.
UPDATE _scope_state SET last_reads = NULL, deletes_listed_at = NULL, deletes_refused = NULL
WHERE stream = :stream AND (CAST(:project_id AS BIGINT) IS NULL OR project_id = :project_id);

-- name: reset_parents
-- A nested stream forgets for which parents it was read, and for which it was refused.
DELETE FROM _parents
WHERE stream = :stream AND (CAST(:project_id AS BIGINT) IS NULL OR project_id = :project_id);

-- name: record_calls
-- More calls of the same day, company, stream and kind.
INSERT INTO _calls (day, company_id, stream, kind, calls) VALUES (:day, :company_id, :stream, :kind, :calls)
ON CONFLICT (day, subject_key, kind) DO UPDATE SET calls = _calls.calls + excluded.calls;

-- name: calls_since
-- All that was counted on a day and later.
SELECT day, company_id, stream, kind, calls FROM _calls WHERE day >= :first_day
ORDER BY day, company_id NULLS FIRST, stream NULLS FIRST, kind;

-- name: prune_calls
-- Counts of days that are long gone.
DELETE FROM _calls WHERE day < :first_day;

-- name: skipped_by_run
-- The calls that were not made, by the instant at which their run began and by reason.
SELECT r.started_at, a.reason, CAST(sum(a.calls) AS BIGINT)
FROM _skipped_requests AS a JOIN _runs AS r ON r.run_id = a.run_id
WHERE r.started_at >= :since
GROUP BY r.started_at, a.reason ORDER BY r.started_at, a.reason;

-- name: quarantined_by_stream
-- how many records of each stream are quarantined, in how many projects, since when, and the reason of the first.
SELECT q.stream, count(*), count(DISTINCT coalesce(q.project_id, 0)), min(q.at),
       (SELECT f.reason FROM _quarantine AS f WHERE f.stream = q.stream ORDER BY f.at, f.reason LIMIT 1)
FROM _quarantine AS q GROUP BY q.stream ORDER BY q.stream;

-- name: read_refusals
-- All streams and tools that may not be read.
SELECT subject, company_id, project_id, kind, reason, refused_at, probed_at, probe_at
FROM _refusals ORDER BY subject, company_id NULLS FIRST, project_id NULLS FIRST;

-- name: record_refusal
-- Something may not be read; since when it may not stays.
INSERT INTO _refusals (subject, company_id, project_id, kind, reason, refused_at, probed_at, probe_at)
VALUES (:subject, :company_id, :project_id, :kind, :reason, :refused_at, :probed_at, :probe_at)
ON CONFLICT (subject, scope_key) DO UPDATE SET
    kind = excluded.kind, reason = excluded.reason, probed_at = excluded.probed_at, probe_at = excluded.probe_at;

-- name: forget_refusal
-- A stream or a tool may be read again.
DELETE FROM _refusals WHERE subject = :subject AND scope_key = :scope_key;

-- name: reset_refusals
-- A stream forgets where it may not be read.
DELETE FROM _refusals
WHERE subject = :stream AND (CAST(:project_id AS BIGINT) IS NULL OR project_id = :project_id);

-- name: record_skipped
-- The calls of a stream that a run did not make.
INSERT INTO _skipped_requests (run_id, stream, reason, calls) VALUES (:run_id, :stream, :reason, :calls)
ON CONFLICT (run_id, stream, reason) DO UPDATE SET calls = excluded.calls;

-- name: run_skipped
-- The calls that a run did not make.
SELECT stream, reason, calls FROM _skipped_requests WHERE run_id = :run_id ORDER BY stream, reason;

-- name: prune_skipped
-- What a run did not ask for goes with it.
DELETE FROM _skipped_requests WHERE run_id = :run_id;

-- name: read_page_sizes
-- The largest pages that were learned of since then.
SELECT stream, per_page FROM _stream_state WHERE per_page_learned_at >= :since;

-- name: record_page_size
-- A list gives no larger page than that.
INSERT INTO _stream_state (stream, per_page, per_page_learned_at) VALUES (:stream, :per_page, :learned_at)
ON CONFLICT (stream) DO UPDATE SET
    per_page = excluded.per_page, per_page_learned_at = excluded.per_page_learned_at;

-- name: read_allowance
-- The windows of the allowance as last known.
SELECT period, seconds, call_limit, granted, used, remaining, resets_at, waits_until, seen_at
FROM _allowance ORDER BY seconds DESC;

-- name: read_spent
-- Our own calls of the hour before the last was written, by minute.
SELECT spent FROM _allowance WHERE spent IS NOT NULL;

-- name: write_allowance
-- A window as it is known now.
INSERT INTO _allowance (period, seconds, call_limit, granted, used, remaining, resets_at, waits_until, seen_at, spent)
VALUES (:period, :seconds, :limit, :granted, :used, :remaining, :resets_at, :waits_until, :seen_at, :spent)
ON CONFLICT (period) DO UPDATE SET
    seconds = excluded.seconds, call_limit = excluded.call_limit, granted = excluded.granted, used = excluded.used,
    remaining = excluded.remaining, resets_at = excluded.resets_at, waits_until = excluded.waits_until,
    seen_at = excluded.seen_at, spent = excluded.spent;

-- name: lift_allowance
-- Nobody waits any more; what is known of the limits stays.
UPDATE _allowance SET waits_until = NULL, remaining = NULL, resets_at = NULL, lifted_at = :lifted_at;

-- name: allowance_lifted_at
-- When somebody last ended the wait.
SELECT max(lifted_at) FROM _allowance;

-- name: parents_refused
-- The parents whose nested list may not be read, as their rows were then.
SELECT parent_key, refused_hash, kind, probe_at FROM _parents
WHERE stream = :stream AND scope_key = :scope_key AND refused_hash IS NOT NULL;

-- name: record_parent_refused
-- The nested list of a parent may not be read; since when it may not stays.
INSERT INTO _parents
    (stream, company_id, project_id, parent_key, refused_hash, kind, reason, refused_at, probed_at, probe_at)
VALUES (:stream, :company_id, :project_id, :parent_key, :row_hash, :kind, :reason, :at, :at, :probe_at)
ON CONFLICT (stream, scope_key, parent_key) DO UPDATE SET
    refused_hash = excluded.refused_hash, kind = excluded.kind, reason = excluded.reason,
    refused_at = coalesce(_parents.refused_at, excluded.refused_at), probed_at = excluded.probed_at,
    probe_at = excluded.probe_at;

-- name: forget_parent_refused
-- The nested list of a parent may be read again.
UPDATE _parents SET
    refused_hash = NULL, kind = NULL, reason = NULL, refused_at = NULL, probed_at = NULL, probe_at = NULL
WHERE stream = :stream AND scope_key = :scope_key AND parent_key = :parent_key;

-- name: drop_forgotten_parents
-- Parents of which nothing is known any more.
DELETE FROM _parents
WHERE stream = :stream AND scope_key = :scope_key AND read_hash IS NULL AND refused_hash IS NULL;

-- name: read_volatile_paths
-- The paths of signed URLs that were learned of a stream.
SELECT volatile_paths FROM _stream_state WHERE stream = :stream AND volatile_paths IS NOT NULL;

-- name: all_volatile_paths
-- The paths of signed URLs of all streams.
SELECT stream, volatile_paths FROM _stream_state WHERE volatile_paths IS NOT NULL ORDER BY stream;

-- name: write_volatile_paths
-- The paths of signed URLs of a stream.
INSERT INTO _stream_state (stream, volatile_paths) VALUES (:stream, :volatile_paths)
ON CONFLICT (stream) DO UPDATE SET volatile_paths = excluded.volatile_paths;

-- name: rehash_parents_read
-- A parent's row has another hash and the same content.
UPDATE _parents SET read_hash = :after WHERE read_hash = :before;

-- name: rehash_parents_refused
-- The same for lists that may not be read.
UPDATE _parents SET refused_hash = :after WHERE refused_hash = :before;

-- name: forget_restless
-- Some records of a list were as they are stored.
UPDATE _scope_state SET unstable_readings = NULL, unstable_records = NULL, unstable_fields = NULL
WHERE stream = :stream AND scope_key = :scope_key;

-- name: record_restless
-- All known records of a list had changed once more.
INSERT INTO _scope_state (stream, company_id, project_id, unstable_readings, unstable_records, unstable_fields)
VALUES (:stream, :company_id, :project_id, 1, :records, :fields)
ON CONFLICT (stream, scope_key) DO UPDATE SET
    unstable_readings = coalesce(_scope_state.unstable_readings, 0) + 1,
    unstable_records = excluded.unstable_records, unstable_fields = excluded.unstable_fields;

-- name: restless_lists
-- The lists of which all records changed that often in a row: how many records, and the fields.
SELECT stream, unstable_records, unstable_fields FROM _scope_state
WHERE unstable_readings >= :readings ORDER BY stream, scope_key;

-- name: drifted_fields
-- The fields whose type changed.
SELECT stream, field FROM _schema_changes WHERE kind = 'type_changed' ORDER BY stream, field;

-- name: read_origin
-- The Procore that the database was read from.
SELECT login, api FROM _origin;

-- name: forget_origin
-- The next run records the configured one.
DELETE FROM _origin;

-- name: record_origin
-- The first one stands.
INSERT INTO _origin (login, api) SELECT :login, :api WHERE NOT EXISTS (SELECT 1 FROM _origin);
