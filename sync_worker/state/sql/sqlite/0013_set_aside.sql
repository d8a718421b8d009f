-- How many records of a (stream, scope) a run could not store. _quarantine keeps only so many of them.
CREATE TABLE _set_aside (
    run_id TEXT NOT NULL,
    stream TEXT NOT NULL,
    company_id INTEGER,
    project_id INTEGER,
    records INTEGER NOT NULL
);
CREATE UNIQUE INDEX _set_aside_key
    ON _set_aside (run_id, stream, coalesce(company_id, 0), coalesce(project_id, 0));
INSERT INTO _set_aside (run_id, stream, company_id, project_id, records)
SELECT run_id, stream, company_id, project_id, count(*) FROM _quarantine GROUP BY run_id, stream, company_id, project_id;
