-- lock: one process migrates at a time
SELECT pg_advisory_xact_lock(727274);

-- create_table: the list of what was applied
CREATE TABLE IF NOT EXISTS migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    digest     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- applied: what was applied
SELECT number, name, digest FROM migrations ORDER BY number;

-- record: a migration was applied
INSERT INTO migrations (number, name, digest) VALUES (%(number)s, %(name)s, %(digest)s);
