-- add: keep a message that could not be read; the same one again only counts
INSERT INTO quarantine (digest, topic, reason, detail, payload, size, seen, first_at, last_at)
VALUES (%(digest)s, %(topic)s, %(reason)s, %(detail)s, %(payload)s, %(size)s, %(seen)s, %(now)s, %(now)s)
ON CONFLICT (topic, reason, digest) DO UPDATE
   SET seen = quarantine.seen + excluded.seen, last_at = excluded.last_at, detail = excluded.detail;

-- list: newest first, without the bytes
SELECT id, topic, reason, detail, size, octet_length(payload) AS kept, seen, first_at, last_at, retried_at, outcome
  FROM quarantine
 WHERE (%(reason)s::text IS NULL OR reason = %(reason)s)
   AND (%(topic)s::text IS NULL OR topic = %(topic)s)
 ORDER BY last_at DESC, id DESC
 LIMIT %(limit)s;

-- show: one message with its bytes
SELECT id, topic, reason, detail, payload, size, octet_length(payload) AS kept, seen, first_at, last_at, retried_at, outcome
  FROM quarantine WHERE id = %(id)s;

-- take_for_retry: lock what shall be tried again, oldest first; what another process retries now is passed over
SELECT id, topic, reason, payload, size
  FROM quarantine
 WHERE (%(id)s::bigint IS NULL OR id = %(id)s)
   AND (%(reason)s::text IS NULL OR reason = %(reason)s)
   AND id > %(after)s
 ORDER BY id
 LIMIT %(limit)s
   FOR UPDATE SKIP LOCKED;

-- mark: what became of a retry
UPDATE quarantine SET retried_at = %(now)s, outcome = %(outcome)s WHERE id = %(id)s;

-- prune: forget what was last seen before a moment
DELETE FROM quarantine WHERE last_at < %(before)s;
