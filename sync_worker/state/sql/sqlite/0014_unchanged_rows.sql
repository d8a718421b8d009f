-- Where the URLs of a stream's records are that are signed anew at every reading, as far as it was learned.
CREATE TABLE _volatile_paths (
    stream TEXT NOT NULL,
    path TEXT NOT NULL,
    learned_at TEXT NOT NULL,
    PRIMARY KEY (stream, path)
);

-- Lists of which all known records had changed when they were last read whole: how many times in a row, how many
-- records these were, and the fields (a JSON array) in which they differed although nothing says that they changed.
CREATE TABLE _restless (
    stream TEXT NOT NULL,
    company_id INTEGER,
    project_id INTEGER,
    readings INTEGER NOT NULL,
    records INTEGER NOT NULL,
    fields TEXT NOT NULL
);
CREATE UNIQUE INDEX _restless_key ON _restless (stream, coalesce(company_id, 0), coalesce(project_id, 0));

-- A row gets another hash when a path is learned; for its nested lists it is still the same.
CREATE INDEX _parents_read_hash ON _parents_read (row_hash);
CREATE INDEX _refusals_hash ON _refusals (row_hash);
