-- fence: only one pipeline writes; held as long as the connection lives
SELECT pg_advisory_lock(727275);

-- rejudge_waiting: assets to judge again, oldest demand first
SELECT asset, since, asked_at FROM rejudge_queue ORDER BY asked_at;

-- rejudge_done: an asset was judged again
DELETE FROM rejudge_queue WHERE asset = %(asset)s;

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

-- checkpoint: the last state of one shard
SELECT shard, position, detector_version, state FROM checkpoints WHERE shard = %(shard)s;

-- checkpoint_positions: how far the last state of each shard is
SELECT shard, position FROM checkpoints ORDER BY shard;

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

-- known_episodes: the episodes of an asset that end after a time, to be matched when judging again
SELECT id, condition, severity, phase, onset_at, end_at, past FROM alerts
WHERE asset = %(asset)s AND NOT withdrawn AND (end_at IS NULL OR end_at >= %(since)s) ORDER BY onset_at;
