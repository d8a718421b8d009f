-- Calls by the server's day, the company and the stream they were for, and by what they were: all, succeeded, or what
-- Procore grades an app on. No run: what a run spent is in _runs.
CREATE TABLE _calls (
    day TEXT NOT NULL,
    company_id INTEGER,
    stream TEXT,
    kind TEXT NOT NULL,
    calls INTEGER NOT NULL
);
CREATE UNIQUE INDEX _calls_key ON _calls (day, coalesce(company_id, 0), coalesce(stream, ''), kind);
