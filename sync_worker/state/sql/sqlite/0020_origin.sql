-- Which Procore all of this was read from, by its two hosts: marks and ids of one mean nothing in another. One row.
CREATE TABLE _origin (
    login TEXT NOT NULL,
    api TEXT NOT NULL
);
