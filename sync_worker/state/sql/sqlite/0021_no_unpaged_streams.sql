-- That a list repeats itself as page 2 does not show that it has no pages: docs/adr/0024.
DROP TABLE _unpaged_streams;
