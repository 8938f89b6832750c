-- positions: where a consumer stands in each partition of a topic
SELECT partition, next_offset FROM consumer_positions
 WHERE consumer = %(consumer)s AND topic = %(topic)s ORDER BY partition;

-- hold: wait until nobody else holds these positions, and keep others out until the transaction ends; always in the same order
SELECT count(pg_advisory_xact_lock(727279, k)) AS n FROM (SELECT DISTINCT unnest(%(keys)s::int[]) AS k ORDER BY 1) keys;

-- save: the next record to take; an older one never overwrites a newer one
INSERT INTO consumer_positions AS held (consumer, topic, partition, next_offset)
SELECT %(consumer)s, %(topic)s, partition, next_offset
  FROM unnest(%(partitions)s::smallint[], %(offsets)s::bigint[]) AS given (partition, next_offset) ORDER BY partition
ON CONFLICT (consumer, topic, partition) DO UPDATE SET next_offset = excluded.next_offset
 WHERE held.next_offset < excluded.next_offset;

-- restart: the log of a partition began anew, its old offsets mean nothing any more
UPDATE consumer_positions SET next_offset = %(next_offset)s
 WHERE consumer = %(consumer)s AND topic = %(topic)s AND partition = %(partition)s AND next_offset = %(stale)s;

-- end_holders: end the connections that hold some positions; how many
SELECT count(pg_terminate_backend(pid)) AS n
  FROM (SELECT DISTINCT pid FROM pg_locks
         WHERE locktype = 'advisory' AND classid = 727279 AND objid::bigint = ANY (%(keys)s::bigint[]) AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) holders
 WHERE pid <> pg_backend_pid();
