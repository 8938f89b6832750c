-- fence: only one pipeline writes; held as long as the connection lives
SELECT pg_advisory_lock(727275);

-- copy_readings: fresh readings, in the order of readings_columns
COPY readings (asset, observed_at, device, key, received_at, kind, seq, flags, window_ms, measures) FROM STDIN;

-- add_late: one late reading; no row comes back when it is known already
INSERT INTO readings (asset, observed_at, device, key, received_at, kind, seq, flags, window_ms, quality, measures)
VALUES (%(asset)s, %(observed_at)s, %(device)s, %(key)s, %(received_at)s, %(kind)s, %(seq)s, %(flags)s, %(window_ms)s, 1, %(measures)s)
ON CONFLICT DO NOTHING
RETURNING asset;

-- ask_rejudge: an asset got a late reading
INSERT INTO rejudge_queue (asset, since, asked_at) VALUES (%(asset)s, %(since)s, %(asked_at)s)
ON CONFLICT (asset) DO UPDATE SET since = least(rejudge_queue.since, excluded.since), asked_at = excluded.asked_at;

-- rejudge_waiting: assets to judge again, oldest demand first
SELECT asset, since, asked_at FROM rejudge_queue ORDER BY asked_at;

-- rejudge_done: an asset was judged again
DELETE FROM rejudge_queue WHERE asset = %(asset)s;

-- archive_of: the newest readings of one asset from a time on, newest first
SELECT asset, kind, device, observed_at, received_at, measures, seq, key, window_ms, flags
FROM readings WHERE asset = %(asset)s AND observed_at >= %(since)s
ORDER BY observed_at DESC, device DESC, key DESC
LIMIT %(most)s;

-- context_of: the rain readings of one district from a time on
SELECT r.asset, r.kind, r.device, r.observed_at, r.received_at, r.measures, r.seq, r.key, r.window_ms, r.flags
FROM readings r JOIN assets a ON a.id = r.asset
WHERE a.kind = 'rain_gauge' AND a.district = %(district)s AND r.observed_at >= %(since)s
ORDER BY r.observed_at, r.device, r.key;

-- drop_reading: a repeat that canonical dedupe dropped
DELETE FROM readings WHERE asset = %(asset)s AND observed_at = %(observed_at)s AND device = %(device)s AND key = %(key)s;

-- append: one entry of the log, and what the batch adds to the durable counters, in one round trip
WITH entry AS (
    INSERT INTO stream_log (position, at, entry) VALUES (%(position)s, %(at)s, %(entry)s)
)
INSERT INTO counters (name, value)
SELECT name, value FROM unnest(%(names)s::text[], %(values)s::bigint[]) AS added (name, value) ORDER BY name
ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value;

-- last_position: end of the log, or of the newest checkpoint when the log was pruned
SELECT greatest(coalesce((SELECT max(position) FROM stream_log), 0), coalesce((SELECT max(position) FROM checkpoints), 0)) AS position;

-- entries_after: the log after a position
SELECT position, entry FROM stream_log WHERE position > %(position)s ORDER BY position LIMIT %(limit)s;

-- prune: forget what every checkpoint contains
DELETE FROM stream_log
WHERE position <= (SELECT CASE WHEN count(*) = 32 THEN min(position) ELSE 0 END FROM checkpoints);

-- checkpoints: the last state of every shard
SELECT shard, position, detector_version, state FROM checkpoints ORDER BY shard;

-- save_checkpoint: the state of a shard; an older one never overwrites a newer one
INSERT INTO checkpoints (shard, position, detector_version, saved_at, state)
VALUES (%(shard)s, %(position)s, %(version)s, %(at)s, %(state)s)
ON CONFLICT (shard) DO UPDATE
SET position = excluded.position, detector_version = excluded.detector_version, saved_at = excluded.saved_at, state = excluded.state
WHERE checkpoints.position < excluded.position;

-- counters: all durable counters
SELECT name, value FROM counters ORDER BY name;

-- notify: wake whoever watches
SELECT pg_notify('citybrain', %(what)s);

-- total_readings: how many readings are stored
SELECT count(*) AS n FROM readings;

-- expire: readings past the time of keeping
DELETE FROM readings WHERE observed_at < %(before)s;

-- known_episodes: the episodes of an asset that end after a time, to be matched when judging again
SELECT id, condition, severity, phase, onset_at, end_at, past FROM alerts
WHERE asset = %(asset)s AND NOT withdrawn AND (end_at IS NULL OR end_at >= %(since)s) ORDER BY onset_at;
