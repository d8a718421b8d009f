-- What who follows a run needs beside its line: how much there is to read, and which group of errors ended it.
CREATE TABLE _run_details (
    run_id TEXT PRIMARY KEY REFERENCES _runs (run_id),
    partitions INTEGER,
    failure TEXT
);

-- A backfill may wait too.
ALTER TABLE _queue ADD COLUMN since_on TEXT;
ALTER TABLE _queue ADD COLUMN until_on TEXT;

-- Which run has the last verdict of each (stream, scope): what people ask for most, and what is never pruned.
CREATE TABLE _latest_scopes (
    stream TEXT NOT NULL,
    company_id INTEGER,
    project_id INTEGER,
    run_id TEXT NOT NULL
);
CREATE UNIQUE INDEX _latest_scopes_key
    ON _latest_scopes (stream, coalesce(company_id, 0), coalesce(project_id, 0));
INSERT INTO _latest_scopes (stream, company_id, project_id, run_id)
SELECT stream, company_id, project_id, run_id FROM (
    SELECT stream, company_id, project_id, run_id,
           row_number() OVER (
               PARTITION BY stream, coalesce(company_id, 0), coalesce(project_id, 0)
               ORDER BY started_at DESC, run_id DESC) AS place
    FROM _run_scopes WHERE verdict IS NOT NULL
) AS told WHERE place = 1;

-- The daemon asks for open runs twice a second; what waits comes before what began.
CREATE INDEX _runs_open ON _runs (started_at) WHERE outcome IS NULL;
CREATE INDEX _runs_newest ON _runs (coalesce(started_at, '9999'), run_id);
CREATE INDEX _runs_finished_at ON _runs (finished_at);
DROP INDEX _runs_started_at;
