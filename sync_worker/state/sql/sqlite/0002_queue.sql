-- A tick is one run, whoever counts it and however often.
CREATE UNIQUE INDEX _runs_tick ON _runs (job, scheduled_at) WHERE scheduled_at IS NOT NULL;

-- What a run that waits for the daemon is to read, where its job alone does not say it.
CREATE TABLE _queue (
    run_id TEXT PRIMARY KEY REFERENCES _runs (run_id),
    streams TEXT NOT NULL,
    projects TEXT NOT NULL,
    full_refresh INTEGER NOT NULL
);
