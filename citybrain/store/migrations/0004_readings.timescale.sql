-- TimescaleDB (2.13 or newer): a hypertable, compressed; summaries are continuous aggregates. The same tables, views and
-- functions as in the plain half.

INSERT INTO archive_state (kind) VALUES ('timescaledb');

CREATE TABLE readings (
    LIKE readings_columns INCLUDING COMMENTS,
    -- the same value of the same message can be stored only once
    PRIMARY KEY (asset, observed_at, message, measure)
);
COMMENT ON TABLE readings IS 'The archive. One row a value.';
DROP TABLE readings_columns;
SELECT create_hypertable('readings', by_range('observed_at', interval '1 day'), create_default_indexes => false);
ALTER TABLE readings SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'asset',
    timescaledb.compress_orderby = 'measure, observed_at, message'
);
-- what comes a week late is rare; it may still come, and is then put beside what is compressed
SELECT add_compression_policy('readings', interval '7 days');

CREATE MATERIALIZED VIEW summary_1m WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT asset, measure, time_bucket('1 minute', observed_at) AS bucket, count(*) AS n, count(value) AS numbers, sum(value) AS total,
       min(value) AS low, max(value) AS high, max(ARRAY[ROW(observed_at, message, value, label)::reading_point]) AS newest
FROM readings WHERE measure <> ''
GROUP BY asset, measure, time_bucket('1 minute', observed_at)
WITH NO DATA;

CREATE MATERIALIZED VIEW summary_1h WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT asset, measure, time_bucket('1 hour', bucket) AS bucket, sum(n)::bigint AS n, sum(numbers)::bigint AS numbers, sum(total) AS total,
       min(low) AS low, max(high) AS high, max(newest) AS newest
FROM summary_1m
GROUP BY asset, measure, time_bucket('1 hour', bucket)
WITH NO DATA;

CREATE MATERIALIZED VIEW summary_1d WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT asset, measure, time_bucket('1 day', bucket) AS bucket, sum(n)::bigint AS n, sum(numbers)::bigint AS numbers, sum(total) AS total,
       min(low) AS low, max(high) AS high, max(newest) AS newest
FROM summary_1h
GROUP BY asset, measure, time_bucket('1 day', bucket)
WITH NO DATA;

CREATE INDEX ON summary_1m (asset, measure, bucket);
CREATE INDEX ON summary_1h (asset, measure, bucket);
CREATE INDEX ON summary_1d (asset, measure, bucket);

CREATE TABLE archive_jobs (
    relation text    NOT NULL,
    what     text    NOT NULL CHECK (what IN ('retention', 'refresh')),
    job      integer NOT NULL,
    PRIMARY KEY (relation, what)
);
COMMENT ON TABLE archive_jobs IS 'Jobs of TimescaleDB whose times follow the settings (see archive_keep).';
INSERT INTO archive_jobs VALUES
    ('readings',   'retention', add_retention_policy('readings', interval '400 days')),
    ('summary_1m', 'retention', add_retention_policy('summary_1m', interval '400 days')),
    ('summary_1h', 'retention', add_retention_policy('summary_1h', interval '3660 days')),
    ('summary_1d', 'retention', add_retention_policy('summary_1d', interval '3660 days')),
    -- ten minutes: what comes later than that goes onto readings_stale (see readings_begin)
    ('summary_1m', 'refresh', add_continuous_aggregate_policy('summary_1m', interval '399 days', interval '10 minutes', interval '5 minutes')),
    ('summary_1h', 'refresh', add_continuous_aggregate_policy('summary_1h', interval '399 days', interval '10 minutes', interval '15 minutes')),
    ('summary_1d', 'refresh', add_continuous_aggregate_policy('summary_1d', interval '399 days', interval '10 minutes', interval '1 hour'));

CREATE FUNCTION archive_keep(readings interval, summaries interval) RETURNS void LANGUAGE sql AS $$
    WITH wanted AS (
        SELECT j.job, CASE
            WHEN what = 'refresh' THEN
                -- a refresh of a time whose readings were dropped would drop its summaries too
                -- (and a year of minutes in batches of a few takes longer to split than to add up)
                jsonb_build_object('start_offset', greatest(readings - interval '1 day', interval '3 days')::text, 'buckets_per_batch', 1440)
            WHEN relation IN ('summary_1h', 'summary_1d') THEN jsonb_build_object('drop_after', summaries::text)
            ELSE jsonb_build_object('drop_after', readings::text)
        END AS config
        FROM archive_jobs AS j
    )
    SELECT alter_job(job_id, config => j.config || w.config)
    FROM wanted AS w JOIN timescaledb_information.jobs AS j ON j.job_id = w.job
    WHERE NOT j.config @> w.config
$$;
COMMENT ON FUNCTION archive_keep IS 'How long to keep: the jobs of TimescaleDB hold to it even while no part of the city brain runs.';
SELECT archive_keep(interval '400 days', interval '3660 days');

CREATE FUNCTION readings_begin(times timestamptz[]) RETURNS timestamptz LANGUAGE sql AS $$ SELECT now() - interval '9 minutes' $$;
COMMENT ON FUNCTION readings_begin IS 'Changes before the time it returns go onto readings_stale: a continuous aggregate may hold that time.';

CREATE FUNCTION readings_expire(before timestamptz) RETURNS integer LANGUAGE sql AS $$
    UPDATE archive_state SET dropped_to = greatest(dropped_to, time_bucket('1 day', before));
    DELETE FROM readings_stale WHERE hour < time_bucket('1 day', before);
    SELECT (SELECT count(*) FROM drop_chunks('readings', before))::integer + (SELECT count(*) FROM drop_chunks('summary_1m', before))::integer
$$;
COMMENT ON FUNCTION readings_expire IS 'Drops chunks of readings and of minutes that are over before a time; how many.';

CREATE FUNCTION summaries_expire(before timestamptz) RETURNS integer LANGUAGE sql AS $$
    SELECT (SELECT count(*) FROM drop_chunks('summary_1h', before))::integer + (SELECT count(*) FROM drop_chunks('summary_1d', before))::integer
$$;
COMMENT ON FUNCTION summaries_expire IS 'Drops chunks of hours and days that are over before a time; how many.';

CREATE FUNCTION readings_estimate() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT (approximate_row_count('readings')
        * (1 - coalesce((SELECT max(null_frac) FROM pg_stats WHERE tablename = 'readings' AND attname = 'received_at'), 0)))::bigint
$$;
COMMENT ON FUNCTION readings_estimate IS 'About how many messages the archive holds, as the planner believes.';

-- The live views are exact at every moment: what is in the continuous aggregate and not stale, and what is stale.
CREATE VIEW live_1m AS
SELECT asset, measure, bucket, n, numbers, total, low, high, newest FROM summary_1m AS s
WHERE NOT EXISTS (SELECT FROM readings_stale AS x WHERE x.asset = s.asset AND x.hour = time_bucket('1 hour', s.bucket))
UNION ALL
SELECT x.asset, v.measure, v.bucket, v.n, v.numbers, v.total, v.low, v.high, v.newest FROM (SELECT DISTINCT asset, hour AS begin FROM readings_stale) AS x
CROSS JOIN LATERAL (
    SELECT measure, time_bucket('1 minute', observed_at) AS bucket, count(*) AS n, count(value) AS numbers, sum(value) AS total, min(value) AS low,
           max(value) AS high, max(ARRAY[ROW(observed_at, message, value, label)::reading_point]) AS newest
    FROM readings AS r
    WHERE r.asset = x.asset AND r.observed_at >= x.begin AND r.observed_at < x.begin + interval '1 hour' AND r.measure <> ''
    GROUP BY 1, 2
) AS v;

CREATE VIEW live_1h AS
SELECT asset, measure, bucket, n, numbers, total, low, high, newest FROM summary_1h AS s
WHERE NOT EXISTS (SELECT FROM readings_stale AS x WHERE x.asset = s.asset AND x.hour = s.bucket)
UNION ALL
SELECT x.asset, v.measure, v.bucket, v.n, v.numbers, v.total, v.low, v.high, v.newest FROM (SELECT DISTINCT asset, hour AS begin FROM readings_stale) AS x
CROSS JOIN LATERAL (
    SELECT measure, time_bucket('1 hour', observed_at) AS bucket, count(*) AS n, count(value) AS numbers, sum(value) AS total, min(value) AS low,
           max(value) AS high, max(ARRAY[ROW(observed_at, message, value, label)::reading_point]) AS newest
    FROM readings AS r
    WHERE r.asset = x.asset AND r.observed_at >= x.begin AND r.observed_at < x.begin + interval '1 hour' AND r.measure <> ''
    GROUP BY 1, 2
) AS v;

CREATE VIEW live_1d AS
SELECT asset, measure, bucket, n, numbers, total, low, high, newest FROM summary_1d AS s
WHERE NOT EXISTS (SELECT FROM readings_stale AS x WHERE x.asset = s.asset AND time_bucket('1 day', x.hour) = s.bucket)
UNION ALL
SELECT x.asset, v.measure, v.bucket, v.n, v.numbers, v.total, v.low, v.high, v.newest FROM (SELECT DISTINCT asset, time_bucket('1 day', hour) AS begin FROM readings_stale) AS x
CROSS JOIN LATERAL (
    SELECT measure, time_bucket('1 day', observed_at) AS bucket, count(*) AS n, count(value) AS numbers, sum(value) AS total, min(value) AS low,
           max(value) AS high, max(ARRAY[ROW(observed_at, message, value, label)::reading_point]) AS newest
    FROM readings AS r
    WHERE r.asset = x.asset AND r.observed_at >= x.begin AND r.observed_at < x.begin + interval '1 day' AND r.measure <> ''
    GROUP BY 1, 2
) AS v;
