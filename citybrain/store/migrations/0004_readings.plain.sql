-- Plain PostgreSQL: partitions by week; sums by hour and day in tables that the cycle keeps. Minutes are added up when they are
-- asked for: of sensors that report some times an hour they would be as many as the readings, and cost as much to store.

INSERT INTO archive_state (kind) VALUES ('plain');

CREATE TABLE readings (
    LIKE readings_columns INCLUDING COMMENTS,
    -- the same value of the same message can be stored only once
    PRIMARY KEY (asset, observed_at, message, measure)
) PARTITION BY RANGE (observed_at);
CREATE INDEX readings_observed ON readings USING brin (observed_at) WITH (autosummarize = on);
COMMENT ON TABLE readings IS 'The archive. One row a value.';
DROP TABLE readings_columns;

CREATE TABLE summary_1h (
    asset   text COLLATE "C" NOT NULL,
    measure text COLLATE "C" NOT NULL,
    bucket  timestamptz      NOT NULL,
    n       bigint           NOT NULL,
    numbers bigint           NOT NULL,
    total   double precision,
    low     double precision,
    high    double precision,
    newest  reading_point[]  NOT NULL,
    PRIMARY KEY (asset, measure, bucket)
);
CREATE INDEX summary_1h_bucket ON summary_1h USING brin (bucket) WITH (autosummarize = on);
CREATE TABLE summary_1d (LIKE summary_1h, PRIMARY KEY (asset, measure, bucket));
COMMENT ON TABLE summary_1h IS 'Hours before archive_state.done_to; read readings_1h instead.';
COMMENT ON TABLE summary_1d IS 'Full days (UTC) before archive_state.done_to; read readings_1d instead.';

CREATE FUNCTION readings_partition(parent text, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    week timestamptz := date_bin('7 days', at, '2001-01-01 00:00+00');   -- a Monday
    name text := parent || '_' || to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD');
BEGIN
    IF to_regclass(name) IS NULL THEN
        PERFORM pg_advisory_xact_lock(727277);
        -- asked of the table: to_regclass may remember from before the lock that there is none
        IF NOT EXISTS (SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = parent::regclass AND relname = name) THEN
            -- attached, not made as a partition: so nobody who reads or writes the archive is waited for
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS)', name, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, week, week + '7 days');
        END IF;
    END IF;
END $$;
COMMENT ON FUNCTION readings_partition IS 'Makes the partition for the week of a time, unless it is there.';

CREATE FUNCTION readings_begin(times timestamptz[]) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    PERFORM readings_partition('readings', at) FROM unnest(times) AS at;
    -- while this is held nothing more is promised (see citybrain.store.summaries)
    PERFORM pg_advisory_xact_lock_shared(727276);
    RETURN (SELECT promised_to FROM archive_state);
END $$;
COMMENT ON FUNCTION readings_begin IS 'Makes ready for readings of the weeks of these times; changes before the time it returns go onto readings_stale.';

CREATE FUNCTION readings_expire(before timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    until timestamptz := date_bin('7 days', before, '2001-01-01 00:00+00');
    old   regclass;
    gone  integer := 0;
BEGIN
    SET LOCAL lock_timeout = '2s';
    FOR old IN
        SELECT inhrelid FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'readings'::regclass AND right(relname, 8) < to_char(until AT TIME ZONE 'UTC', 'YYYYMMDD')
    LOOP
        EXECUTE format('DROP TABLE %s', old);
        gone := gone + 1;
    END LOOP;
    UPDATE archive_state SET dropped_to = greatest(dropped_to, until);
    DELETE FROM readings_stale WHERE hour < until;
    RETURN gone;
END $$;
COMMENT ON FUNCTION readings_expire IS 'Drops whole weeks of readings that are over before a time; how many.';

CREATE FUNCTION summaries_expire(before timestamptz) RETURNS integer LANGUAGE sql AS $$
    WITH hours AS (DELETE FROM summary_1h WHERE bucket < before RETURNING 1),
         days  AS (DELETE FROM summary_1d WHERE bucket < before RETURNING 1)
    SELECT (SELECT count(*) FROM hours)::integer + (SELECT count(*) FROM days)::integer
$$;
COMMENT ON FUNCTION summaries_expire IS 'Forgets hours and days that began before a time; how many rows.';

CREATE FUNCTION archive_keep(readings interval, summaries interval) RETURNS void LANGUAGE sql AS $$ $$;
COMMENT ON FUNCTION archive_keep IS 'How long to keep: nothing to set here, the cycle calls readings_expire and summaries_expire.';

CREATE FUNCTION readings_estimate() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(greatest(c.reltuples, 0) * (1 - coalesce(s.null_frac, 0))), 0)::bigint
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    LEFT JOIN pg_stats s ON s.schemaname = c.relnamespace::regnamespace::text AND s.tablename = c.relname AND s.attname = 'received_at'
    WHERE i.inhparent = 'readings'::regclass
$$;
COMMENT ON FUNCTION readings_estimate IS 'About how many messages the archive holds, as the planner believes.';

-- The live views are exact at every moment: what is summarised and not stale, what is not summarised yet, and what is stale.
-- LATERAL, so that stale hours are read by the primary key, whatever the planner believes.
CREATE VIEW live_1m AS
SELECT asset, measure, date_bin('1 minute', observed_at, '2000-01-01 00:00+00') AS bucket, count(*) AS n, count(value) AS numbers, sum(value) AS total,
       min(value) AS low, max(value) AS high, max(ARRAY[ROW(observed_at, message, value, label)::reading_point]) AS newest
FROM readings WHERE measure <> ''
GROUP BY 1, 2, 3;

CREATE VIEW live_1h AS
SELECT asset, measure, bucket, n, numbers, total, low, high, newest FROM summary_1h AS s
WHERE NOT EXISTS (SELECT FROM readings_stale AS x WHERE x.asset = s.asset AND x.hour = s.bucket)
UNION ALL
SELECT asset, measure, date_bin('1 hour', observed_at, '2000-01-01 00:00+00'), count(*) AS n, count(value) AS numbers, sum(value) AS total,
       min(value) AS low, max(value) AS high, max(ARRAY[ROW(observed_at, message, value, label)::reading_point]) AS newest
FROM readings WHERE observed_at >= coalesce((SELECT done_to FROM archive_state), '-infinity') AND measure <> ''
GROUP BY 1, 2, 3
UNION ALL
SELECT x.asset, v.measure, v.bucket, v.n, v.numbers, v.total, v.low, v.high, v.newest FROM (SELECT DISTINCT asset, hour AS begin FROM readings_stale) AS x
CROSS JOIN LATERAL (
    SELECT measure, date_bin('1 hour', observed_at, '2000-01-01 00:00+00') AS bucket, count(*) AS n, count(value) AS numbers, sum(value) AS total, min(value) AS low,
           max(value) AS high, max(ARRAY[ROW(observed_at, message, value, label)::reading_point]) AS newest
    FROM readings AS r
    WHERE r.asset = x.asset AND r.observed_at >= x.begin AND r.observed_at < x.begin + interval '1 hour'
      AND r.observed_at < (SELECT done_to FROM archive_state) AND r.measure <> ''
    GROUP BY 1, 2
) AS v;

CREATE VIEW live_1d AS
SELECT asset, measure, bucket, n, numbers, total, low, high, newest FROM summary_1d AS s
WHERE NOT EXISTS (SELECT FROM readings_stale AS x WHERE x.asset = s.asset AND date_bin('1 day', x.hour, '2000-01-01 00:00+00') = s.bucket)
UNION ALL
SELECT asset, measure, date_bin('1 day', bucket, '2000-01-01 00:00+00'), sum(n)::bigint, sum(numbers)::bigint, sum(total), min(low), max(high), max(newest)
FROM live_1h WHERE bucket >= coalesce((SELECT date_bin('1 day', done_to, '2000-01-01 00:00+00') FROM archive_state), '-infinity')
GROUP BY 1, 2, 3
UNION ALL
SELECT x.asset, v.measure, v.bucket, v.n, v.numbers, v.total, v.low, v.high, v.newest FROM (SELECT DISTINCT asset, date_bin('1 day', hour, '2000-01-01 00:00+00') AS begin FROM readings_stale) AS x
CROSS JOIN LATERAL (
    SELECT measure, date_bin('1 day', observed_at, '2000-01-01 00:00+00') AS bucket, count(*) AS n, count(value) AS numbers, sum(value) AS total, min(value) AS low,
           max(value) AS high, max(ARRAY[ROW(observed_at, message, value, label)::reading_point]) AS newest
    FROM readings AS r
    WHERE r.asset = x.asset AND r.observed_at >= x.begin AND r.observed_at < x.begin + interval '1 day'
      AND r.observed_at < (SELECT date_bin('1 day', done_to, '2000-01-01 00:00+00') FROM archive_state) AND r.measure <> ''
    GROUP BY 1, 2
) AS v;
