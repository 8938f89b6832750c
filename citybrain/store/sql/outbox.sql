-- add: a notice; the same one again changes nothing
INSERT INTO outbox (id, channel, target, purpose, order_id, order_state, body, created_at)
VALUES (%(id)s, %(channel)s, %(target)s, %(purpose)s, %(order_id)s, %(order_state)s, %(body)s, %(created_at)s)
ON CONFLICT (id) DO NOTHING;

-- waiting_targets: targets that have a notice to be sent now and whose breaker is closed, the longest waiting first
SELECT o.target, min(o.channel) AS channel, min(o.created_at) AS since
FROM outbox o LEFT JOIN breakers b ON b.target = o.target
WHERE o.state = 'waiting' AND o.next_at <= %(machine_now)s AND (b.open_until IS NULL OR b.open_until <= %(machine_now)s)
GROUP BY o.target ORDER BY since LIMIT %(limit)s;

-- claim: the next notice for a target, leased: nobody else takes it until the lease ends
WITH next AS (
    SELECT id FROM outbox
    WHERE state = 'waiting' AND target = %(target)s AND next_at <= %(machine_now)s
    ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE outbox o SET next_at = %(lease_until)s, attempts = o.attempts + 1
FROM next WHERE o.id = next.id
RETURNING o.id, o.channel, o.target, o.purpose, o.order_id, o.order_state, o.body, o.created_at, o.attempts;

-- order_now: how the order of a notice stands in this very moment
SELECT o.number, o.state, o.unit, o.due_at, o.dispatched_at, o.filing_item, o.reason, o.reworks, o.returns,
       c.asset, c.kind, c.condition, c.cause, c.severity, c.children, c.outcome, a.name AS asset_name, a.lat, a.lon
FROM orders o JOIN cases c ON c.id = o.case_id LEFT JOIN assets a ON a.id = c.asset
WHERE o.id = %(id)s;

-- finish: a notice that is sent, dropped or failed for good
UPDATE outbox SET state = %(state)s, reason = %(reason)s, done_at = %(at)s WHERE id = %(id)s AND state = 'waiting';

-- again: a notice that is tried again later
UPDATE outbox SET next_at = %(next_at)s, reason = %(reason)s WHERE id = %(id)s AND state = 'waiting';

-- record: one attempt in the ledger of deliveries
INSERT INTO deliveries (outbox_id, at, ok, reason, detail) VALUES (%(id)s, %(at)s, %(ok)s, %(reason)s, %(detail)s);

-- breaker_ok: the target answers
DELETE FROM breakers WHERE target = %(target)s;

-- breaker_failed: one more failure in a row of a target
INSERT INTO breakers AS b (target, failures) VALUES (%(target)s, 1)
ON CONFLICT (target) DO UPDATE SET failures = b.failures + 1
RETURNING failures;

-- breaker_open: nothing is sent to a target until a time
UPDATE breakers SET open_until = %(until)s WHERE target = %(target)s;

-- breakers: targets that failed lately
SELECT target, failures, open_until FROM breakers ORDER BY target;

-- deliveries_of: what was sent to whom about an order
SELECT d.at, o.purpose, o.channel, o.target, d.ok, d.reason, d.detail
FROM deliveries d JOIN outbox o ON o.id = d.outbox_id WHERE o.order_id = %(order_id)s::uuid ORDER BY d.seq;

-- notices_of: the notices about an order
SELECT id, purpose, channel, target, state, attempts, reason, created_at, done_at
FROM outbox WHERE order_id = %(order_id)s::uuid ORDER BY created_at, id;

-- prune_deliveries: attempts of notices that were done long ago
DELETE FROM deliveries d USING outbox o WHERE o.id = d.outbox_id AND o.state <> 'waiting' AND o.done_at < %(before)s;

-- prune: notices that were done long ago
DELETE FROM outbox WHERE state <> 'waiting' AND done_at < %(before)s;
