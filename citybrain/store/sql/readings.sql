-- begin: make ready for readings of these times; changes before the time it returns go onto readings_stale
SELECT readings_begin(%(times)s::timestamptz[]) AS summarised_to;

-- copy: values that are surely new, in the order of citybrain.store.copyrows
COPY readings (asset, measure, observed_at, message, value, label, quality, kind, device, key, seq, received_at, window_ms)
FROM STDIN (FORMAT binary);

-- stale: hours of assets that changed after they were summarised
INSERT INTO readings_stale (asset, hour) SELECT asset, hour FROM unnest(%(assets)s::text[], %(hours)s::timestamptz[]) AS changed (asset, hour);

-- repeats: which of these messages are stored, at their time or up to their window before it (LIMIT: by the index, whatever the planner believes)
SELECT given.n FROM unnest(%(assets)s::text[], %(observed)s::bigint[], %(messages)s::bigint[], %(windows)s::integer[])
    WITH ORDINALITY AS given (asset, observed_ms, message, window_ms, n)
CROSS JOIN LATERAL (
    SELECT FROM readings AS r
    WHERE r.asset = given.asset AND r.message = given.message
      AND r.observed_at >= to_timestamp((given.observed_ms - given.window_ms) / 1000.0::double precision)
      AND r.observed_at <= to_timestamp(given.observed_ms / 1000.0::double precision)
      AND r.observed_at >= %(first)s::timestamptz AND r.observed_at <= %(last)s::timestamptz
    LIMIT 1
) AS stored;

-- ask_rejudge: assets got late readings
INSERT INTO rejudge_queue (asset, since, asked_at)
SELECT asset, since, %(asked_at)s::timestamptz FROM unnest(%(assets)s::text[], %(since)s::timestamptz[]) AS late (asset, since) ORDER BY asset
ON CONFLICT (asset) DO UPDATE SET since = least(rejudge_queue.since, excluded.since), asked_at = excluded.asked_at;

-- archive_of: the newest messages of one asset from a time on, newest first
SELECT asset, observed_at, message, max(kind) AS kind, max(device) AS device, max(key) AS key, max(seq) AS seq, max(received_at) AS received_at,
       max(window_ms) AS window_ms, bit_and(quality) AS quality,
       jsonb_object_agg(measure, CASE WHEN label IS NULL THEN to_jsonb(value) WHEN value IS NULL THEN to_jsonb(label) ELSE to_jsonb(value <> 0) END)
           FILTER (WHERE measure <> '') AS measures,
       array_agg(measure) FILTER (WHERE quality & 512 <> 0) AS whole
FROM readings WHERE asset = %(asset)s AND observed_at >= %(since)s
GROUP BY asset, observed_at, message
ORDER BY observed_at DESC, message DESC
LIMIT %(most)s;

-- context_of: the rain readings of one district from a time on
SELECT r.asset, r.observed_at, r.message, max(r.kind) AS kind, max(r.device) AS device, max(r.key) AS key, max(r.seq) AS seq,
       max(r.received_at) AS received_at, max(r.window_ms) AS window_ms, bit_and(r.quality) AS quality,
       jsonb_object_agg(r.measure, CASE WHEN label IS NULL THEN to_jsonb(value) WHEN value IS NULL THEN to_jsonb(label) ELSE to_jsonb(value <> 0) END)
           FILTER (WHERE r.measure <> '') AS measures,
       array_agg(r.measure) FILTER (WHERE r.quality & 512 <> 0) AS whole
FROM assets a JOIN readings r ON r.asset = a.id
WHERE a.kind = 'rain_gauge' AND a.district = %(district)s AND r.observed_at >= %(since)s
GROUP BY r.asset, r.observed_at, r.message
ORDER BY r.observed_at, r.asset, r.message;

-- drop: messages that turned out to be repeats
DELETE FROM readings AS r USING unnest(%(assets)s::text[], %(observed)s::timestamptz[], %(messages)s::bigint[]) AS gone (asset, observed_at, message)
WHERE r.asset = gone.asset AND r.observed_at = gone.observed_at AND r.message = gone.message;

-- total_messages: how many messages are stored
SELECT count(received_at) AS n FROM readings;

-- expire: readings and minutes that were over before a time
SELECT readings_expire(%(before)s::timestamptz) AS n;

-- series_raw: the values of one measure in a span of time
SELECT observed_at AS time, 1::bigint AS n, value AS avg, value AS min, value AS max, value AS last, label
FROM readings WHERE asset = %(asset)s AND measure = %(measure)s AND observed_at >= %(begin)s AND observed_at < %(end)s
ORDER BY observed_at, message;

-- series_1m: the same by minute
SELECT bucket AS time, n, avg, min, max, last, label FROM readings_1m
WHERE asset = %(asset)s AND measure = %(measure)s AND bucket >= %(begin)s AND bucket < %(end)s ORDER BY bucket;

-- series_1h: the same by hour
SELECT bucket AS time, n, avg, min, max, last, label FROM readings_1h
WHERE asset = %(asset)s AND measure = %(measure)s AND bucket >= %(begin)s AND bucket < %(end)s ORDER BY bucket;

-- series_1d: the same by day (UTC)
SELECT bucket AS time, n, avg, min, max, last, label FROM readings_1d
WHERE asset = %(asset)s AND measure = %(measure)s AND bucket >= %(begin)s AND bucket < %(end)s ORDER BY bucket;

-- measures_of: what an asset has told in a span of time
SELECT measure FROM readings WHERE asset = %(asset)s AND observed_at >= %(begin)s AND observed_at < %(end)s AND measure <> ''
GROUP BY measure ORDER BY measure;
