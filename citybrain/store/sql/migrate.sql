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

-- extension: version and license of TimescaleDB in this database, and whether the server has loaded it
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS installed,
       current_setting('timescaledb.license', true) AS license,
       -- which libraries are loaded is not told to every role; the settings that they bring are
       CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE')
            THEN position('timescaledb' IN current_setting('shared_preload_libraries')) > 0
            ELSE EXISTS (SELECT 1 FROM pg_settings WHERE starts_with(name, 'timescaledb.')) END AS loaded;

-- has_archive: was the kind of archive chosen
SELECT to_regclass('archive_state') IS NOT NULL AS yes;

-- kind: the kind of archive
SELECT kind FROM archive_state;
