-- alone: one process makes summaries at a time
SELECT pg_try_advisory_xact_lock(727278) AS got;

-- patience: a lock that is not to be had soon is tried again next time
SET LOCAL lock_timeout = '1s';

-- memory: an hour of a large town in one hash table
SET LOCAL work_mem = '64MB';

-- wait_for_writers: from here on until the end of the transaction nobody is between readings_begin and the end of his own
SELECT pg_advisory_xact_lock(727276);

-- promise: who writes before this from now on puts it onto readings_stale
UPDATE archive_state SET promised_to = %(to)s::timestamptz,
    done_to = coalesce(done_to, least(%(to)s::timestamptz, (
        SELECT min(to_date(right(relname, 8), 'YYYYMMDD'))::timestamp AT TIME ZONE 'UTC'
        FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'readings'::regclass
    )))
WHERE promised_to IS NULL OR promised_to < %(to)s::timestamptz;

-- ahead: partitions that will be needed soon
SELECT readings_partition('readings', at) FROM unnest(%(times)s::timestamptz[]) AS at;

-- state: where the summaries stand
SELECT promised_to, done_to FROM archive_state;

-- next_week: the first week from a time on that has readings
SELECT min(to_date(right(relname, 8), 'YYYYMMDD'))::timestamp AT TIME ZONE 'UTC' AS begin
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'readings'::regclass AND right(relname, 8) >= to_char(%(week)s::timestamptz AT TIME ZONE 'UTC', 'YYYYMMDD');

-- hours: add up an hour
INSERT INTO summary_1h (asset, measure, bucket, n, numbers, total, low, high, newest)
SELECT asset, measure, %(begin)s::timestamptz, count(*), count(value), sum(value), min(value), max(value),
       max(ARRAY[ROW(observed_at, message, value, label)::reading_point])
FROM readings WHERE observed_at >= %(begin)s::timestamptz AND observed_at < %(end)s::timestamptz AND measure <> ''
GROUP BY 1, 2;

-- days: add up the hours of a day
INSERT INTO summary_1d (asset, measure, bucket, n, numbers, total, low, high, newest)
SELECT asset, measure, %(begin)s::timestamptz, sum(n), sum(numbers), sum(total), min(low), max(high), max(newest)
FROM summary_1h WHERE bucket >= %(begin)s::timestamptz AND bucket < %(end)s::timestamptz
GROUP BY 1, 2;

-- done: all hours before this are added up
UPDATE archive_state SET done_to = %(to)s::timestamptz;

-- take_stale: some hours to make anew; those whose readings were dropped keep the summaries they have
WITH taken AS (
    DELETE FROM readings_stale WHERE ctid = ANY (ARRAY(SELECT ctid FROM readings_stale WHERE hour < %(done)s::timestamptz LIMIT %(most)s))
    RETURNING asset, hour
)
SELECT DISTINCT asset, hour, (SELECT coalesce(hour >= dropped_to, true) FROM archive_state) AS kept FROM taken ORDER BY asset, hour;

-- forget_hours: that are made anew
DELETE FROM summary_1h AS s USING unnest(%(assets)s::text[], %(hours)s::timestamptz[]) AS x (asset, hour)
WHERE s.asset = x.asset AND s.bucket = x.hour;

-- stale_hours: hours that are made anew
INSERT INTO summary_1h (asset, measure, bucket, n, numbers, total, low, high, newest)
SELECT x.asset, v.measure, x.hour, v.n, v.numbers, v.total, v.low, v.high, v.newest
FROM unnest(%(assets)s::text[], %(hours)s::timestamptz[]) AS x (asset, hour)
CROSS JOIN LATERAL (
    SELECT measure, count(*) AS n, count(value) AS numbers, sum(value) AS total, min(value) AS low, max(value) AS high,
           max(ARRAY[ROW(observed_at, message, value, label)::reading_point]) AS newest
    FROM readings AS r
    WHERE r.asset = x.asset AND r.observed_at >= x.hour AND r.observed_at < x.hour + interval '1 hour' AND r.measure <> ''
    GROUP BY 1
) AS v;

-- forget_days: with an hour that was made anew
DELETE FROM summary_1d AS s USING unnest(%(assets)s::text[], %(days)s::timestamptz[]) AS x (asset, day)
WHERE s.asset = x.asset AND s.bucket = x.day;

-- stale_days: days with an hour that was made anew
INSERT INTO summary_1d (asset, measure, bucket, n, numbers, total, low, high, newest)
SELECT x.asset, v.measure, x.day, v.n, v.numbers, v.total, v.low, v.high, v.newest
FROM unnest(%(assets)s::text[], %(days)s::timestamptz[]) AS x (asset, day)
CROSS JOIN LATERAL (
    SELECT measure, sum(n) AS n, sum(numbers) AS numbers, sum(total) AS total, min(low) AS low, max(high) AS high, max(newest) AS newest
    FROM summary_1h AS s WHERE s.asset = x.asset AND s.bucket >= x.day AND s.bucket < x.day + interval '1 day'
    GROUP BY 1
) AS v;

-- mark_stale: TimescaleDB: hours that the jobs' next run will make anew
UPDATE readings_stale SET taken = true WHERE NOT taken AND hour <= now() - interval '70 minutes';

-- count_marked: how many of them
SELECT count(*) AS n FROM readings_stale WHERE taken;

-- refresh_jobs: TimescaleDB: the jobs that keep the continuous aggregates, finest first
SELECT job FROM archive_jobs WHERE what = 'refresh' ORDER BY array_position(ARRAY['summary_1m', 'summary_1h', 'summary_1d'], relation);

-- run_job: TimescaleDB: run one now
CALL run_job(%(job)s);

-- forget_marked: TimescaleDB: these hours were made anew
DELETE FROM readings_stale WHERE taken;

-- expire: hours and days that began before a time
SELECT summaries_expire(%(before)s::timestamptz) AS n;

-- keep: how long to keep readings, and their sums by hour and day
SELECT archive_keep(%(readings)s::interval, %(summaries)s::interval);

-- seed: sums of days that have no readings
INSERT INTO summary_1d (asset, measure, bucket, n, numbers, total, low, high, newest)
SELECT e.asset, e.measure, e.bucket, e.n, e.n, e.total, e.low, e.high, ARRAY[ROW(e.bucket, 0, e.low, NULL)::reading_point]
FROM jsonb_to_recordset(%(rows)s) AS e (asset text, measure text, bucket timestamptz, n bigint, total float8, low float8, high float8)
ON CONFLICT (asset, measure, bucket) DO NOTHING;

-- seeded: what is before this is summed up, and is not made anew from readings
UPDATE archive_state SET promised_to = greatest(promised_to, %(until)s::timestamptz), done_to = greatest(done_to, %(until)s::timestamptz),
    dropped_to = greatest(dropped_to, %(until)s::timestamptz);
