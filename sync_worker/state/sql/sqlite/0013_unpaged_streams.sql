-- Streams for which no paging is documented, and whose lists were found to ignore page numbers.
CREATE TABLE _unpaged_streams (
    stream TEXT PRIMARY KEY,
    learned_at TEXT NOT NULL
);
