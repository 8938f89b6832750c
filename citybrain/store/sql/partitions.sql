-- state: the saved state of one partition
SELECT next_offset, detector_version, rulebook, head, state FROM partition_states WHERE topic = %(topic)s AND partition = %(partition)s;

-- save: a state; an older one never overwrites a newer one. `forced` states have learned something at the same record
INSERT INTO partition_states (topic, partition, next_offset, detector_version, rulebook, saved_at, head, state)
VALUES (%(topic)s, %(partition)s, %(next)s, %(version)s, %(rulebook)s, %(at)s, %(head)s, %(state)s)
ON CONFLICT (topic, partition) DO UPDATE
SET next_offset = excluded.next_offset, detector_version = excluded.detector_version, rulebook = excluded.rulebook,
    saved_at = excluded.saved_at, head = excluded.head, state = excluded.state
WHERE partition_states.next_offset < excluded.next_offset OR (%(forced)s AND partition_states.next_offset = excluded.next_offset);

-- forget: the log began anew, so the offset of this state means nothing; what it knows of the assets still holds
UPDATE partition_states SET next_offset = 0 WHERE topic = %(topic)s AND partition = %(partition)s AND next_offset = %(stale)s;

-- ages: how far the saved states are, and since when
SELECT partition, next_offset, saved_at FROM partition_states WHERE topic = %(topic)s ORDER BY partition;
