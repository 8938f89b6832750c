-- positions: where a consumer stands in each partition of a topic
SELECT partition, next_offset FROM consumer_positions
 WHERE consumer = %(consumer)s AND topic = %(topic)s ORDER BY partition;

-- begin: a partition that was never read has a row too, so that there is something to lock
INSERT INTO consumer_positions (consumer, topic, partition, next_offset)
SELECT %(consumer)s, %(topic)s, partition, 0 FROM unnest(%(partitions)s::smallint[]) AS given (partition) ORDER BY partition
ON CONFLICT DO NOTHING;

-- hold: where a consumer stands, locked until the transaction ends, always in the same order
SELECT partition, next_offset FROM consumer_positions
 WHERE consumer = %(consumer)s AND topic = %(topic)s AND partition = ANY(%(partitions)s::smallint[])
 ORDER BY partition FOR UPDATE;

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
SELECT count(pg_terminate_backend(l.pid)) AS n
  FROM pg_locks l
  JOIN (SELECT DISTINCT xmax FROM consumer_positions
         WHERE consumer = %(consumer)s AND topic = %(topic)s AND partition = ANY(%(partitions)s::smallint[])) p
    ON l.transactionid = p.xmax
 WHERE l.locktype = 'transactionid' AND l.granted AND l.pid <> pg_backend_pid();
