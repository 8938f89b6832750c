-- add: notices; the same one again changes nothing
INSERT INTO outbox (id, channel, target, purpose, order_id, order_state, body, created_at, person, step, severity)
SELECT id, channel, target, purpose, order_id, order_state, body, created_at, person, step, severity
FROM jsonb_to_recordset(%(rows)s)
     AS n (id uuid, channel text, target text, purpose text, order_id uuid, order_state text, body jsonb, created_at timestamptz,
           person text, step integer, severity text)
ON CONFLICT (id) DO NOTHING;

-- waiting_targets: targets that have a notice to be sent now and whose breaker is closed, the longest waiting first
SELECT o.target, min(o.channel) AS channel, min(o.created_at) AS since
FROM outbox o LEFT JOIN breakers b ON b.target = o.target
WHERE o.state = 'waiting' AND o.next_at <= %(machine_now)s AND o.hold_until <= %(now)s
  AND (o.bundle IS NULL OR o.bundle = o.id
       OR NOT EXISTS (SELECT FROM outbox lead WHERE lead.id = o.bundle AND lead.state = 'waiting'))
  AND (b.open_until IS NULL OR b.open_until <= %(machine_now)s)
GROUP BY o.target ORDER BY since LIMIT %(limit)s;

-- claim: the next notice for a target, leased: nobody else takes it until the lease ends. One of a bundle goes with the notice that
-- leads it, or by itself when that is done
WITH next AS (
    SELECT id FROM outbox one
    WHERE state = 'waiting' AND target = %(target)s AND next_at <= %(machine_now)s AND hold_until <= %(now)s
      AND (bundle IS NULL OR bundle = id
           OR NOT EXISTS (SELECT FROM outbox lead WHERE lead.id = one.bundle AND lead.state = 'waiting'))
    ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE outbox o SET next_at = %(lease_until)s, attempts = o.attempts + 1
FROM next WHERE o.id = next.id
RETURNING o.id, o.channel, o.target, o.purpose, o.order_id, o.order_state, o.body, o.created_at, o.attempts,
          o.person, o.severity, o.bundle, o.reason, o.hold_until;

-- gather: what else waits for the same target and person goes out in one message with a notice, leased with it
WITH others AS (
    SELECT id FROM outbox one
    WHERE state = 'waiting' AND target = %(target)s AND person IS NOT DISTINCT FROM %(person)s AND id <> %(lead)s
      AND next_at <= %(machine_now)s
      AND (bundle IS NULL OR NOT EXISTS (SELECT FROM outbox lead WHERE lead.id = one.bundle AND lead.state = 'waiting'))
    ORDER BY created_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), led AS (
    UPDATE outbox SET bundle = id WHERE id = %(lead)s
)
UPDATE outbox o SET next_at = %(lease_until)s, attempts = o.attempts + 1, bundle = %(lead)s
FROM others WHERE o.id = others.id
RETURNING o.id, o.channel, o.target, o.purpose, o.order_id, o.order_state, o.body, o.created_at, o.attempts,
          o.person, o.severity, o.bundle, o.reason, o.hold_until;

-- fellows: the rest of a bundle that was made before, leased again with the notice that leads it
UPDATE outbox o SET next_at = %(lease_until)s, attempts = o.attempts + 1
WHERE o.bundle = %(lead)s AND o.id <> %(lead)s AND o.state = 'waiting'
RETURNING o.id, o.channel, o.target, o.purpose, o.order_id, o.order_state, o.body, o.created_at, o.attempts,
          o.person, o.severity, o.bundle, o.reason, o.hold_until;

-- disband: what is left of a bundle whose first notice is not sent any more goes its own ways
UPDATE outbox SET bundle = NULL, next_at = 'epoch' WHERE bundle = %(lead)s AND state = 'waiting';

-- hold: one notice waits until a city time; this was no attempt. Written into the ledger of deliveries
WITH held AS (
    UPDATE outbox SET hold_until = %(until)s, next_at = 'epoch', attempts = attempts - 1, reason = %(reason)s
    WHERE id = %(id)s AND state = 'waiting' RETURNING id
)
INSERT INTO deliveries (outbox_id, at, ok, reason, detail, outcome)
SELECT id, %(at)s, false, %(reason)s, %(detail)s, 'held' FROM held;

-- hold_rest: everything else that waits for the same target and person waits as well; a line for each whose reason is new
WITH others AS (
    SELECT id, reason AS was FROM outbox
    WHERE state = 'waiting' AND target = %(target)s AND person IS NOT DISTINCT FROM %(person)s AND id <> %(id)s
      AND next_at <= %(machine_now)s AND hold_until < %(until)s AND bundle IS NULL FOR UPDATE SKIP LOCKED
), held AS (
    UPDATE outbox o SET hold_until = %(until)s, reason = %(reason)s FROM others WHERE o.id = others.id RETURNING o.id, others.was
)
INSERT INTO deliveries (outbox_id, at, ok, reason, detail, outcome)
SELECT id, %(at)s, false, %(reason)s, %(detail)s, 'held' FROM held WHERE was <> %(reason)s;

-- one_at_a_time: messages to one person by one kind of channel are counted one transaction after the other
SELECT pg_advisory_xact_lock(727278, hashtext(%(who)s || ' ' || %(kind)s));

-- disturbed: when somebody was disturbed by a kind of channel, the latest last; not counting one notice
SELECT at FROM disturbances WHERE who = %(who)s AND kind = %(kind)s AND at > %(since)s AND outbox_id <> %(id)s ORDER BY at;

-- disturb: somebody is about to be disturbed
INSERT INTO disturbances (outbox_id, who, kind, at) VALUES (%(id)s, %(who)s, %(kind)s, %(at)s)
ON CONFLICT (outbox_id) DO UPDATE SET at = excluded.at;

-- undisturb: the target did not take the message
DELETE FROM disturbances WHERE outbox_id = %(id)s;

-- reader: where a person lives and what they read; nothing when there is no such person
SELECT timezone, language FROM people WHERE id = %(person)s;

-- handle_of: the message about an order at a target that can be edited
SELECT handle FROM message_handles WHERE order_id = %(order_id)s AND target = %(target)s;

-- keep_handle: the message about an order at a target that can be edited from now on
INSERT INTO message_handles (order_id, target, handle, outbox_id, at)
VALUES (%(order_id)s, %(target)s, %(handle)s, %(id)s, %(at)s)
ON CONFLICT (order_id, target) DO UPDATE SET handle = excluded.handle, outbox_id = excluded.outbox_id, at = excluded.at;

-- orders_now: how the orders of notices stand in this very moment
SELECT o.id, o.number, o.state, o.unit, o.due_at, o.dispatched_at, o.filing_item, o.reason, o.reworks, o.returns, o.trail -> -1 ->> 'level' AS found_by,
       c.asset, c.kind, c.condition, c.cause, c.severity, c.children, c.outcome, a.name AS asset_name, a.lat, a.lon,
       c.facts -> 'span' AS span
FROM orders o JOIN cases c ON c.id = o.case_id LEFT JOIN assets a ON a.id = c.asset
WHERE o.id = ANY (%(ids)s);

-- finish: a notice that is sent, dropped or failed for good
UPDATE outbox SET state = %(state)s, reason = %(reason)s, done_at = %(at)s WHERE id = %(id)s AND state = 'waiting';

-- again: a notice that is tried again later
UPDATE outbox SET next_at = %(next_at)s, reason = %(reason)s WHERE id = %(id)s AND state = 'waiting';

-- record: one attempt in the ledger of deliveries
INSERT INTO deliveries (outbox_id, at, ok, reason, detail, outcome)
VALUES (%(id)s, %(at)s, %(outcome)s = 'sent', %(reason)s, %(detail)s, %(outcome)s);

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
SELECT d.at, o.purpose, o.channel, o.target, o.person, d.outcome, d.ok, d.reason, d.detail
FROM deliveries d JOIN outbox o ON o.id = d.outbox_id WHERE o.order_id = %(order_id)s::uuid ORDER BY d.seq;

-- told: the ledger of deliveries: every attempt, hold and drop by person and target, the newest last
SELECT * FROM (
    SELECT d.seq, d.at, r.number AS order, o.purpose, o.person, o.channel, o.target, d.outcome, d.reason, d.detail,
           o.state, o.created_at, o.id AS notice
    FROM deliveries d JOIN outbox o ON o.id = d.outbox_id LEFT JOIN orders r ON r.id = o.order_id
    WHERE (%(order_id)s::uuid IS NULL OR o.order_id = %(order_id)s::uuid)
      AND (%(person)s::text IS NULL OR o.person = %(person)s)
      AND (%(since)s::timestamptz IS NULL OR d.at >= %(since)s)
      AND (%(outcome)s::text IS NULL OR d.outcome = %(outcome)s)
    ORDER BY d.seq DESC LIMIT %(limit)s
) AS newest ORDER BY seq;

-- told_about_case: the same of all orders of a case
SELECT d.at, r.number AS order, o.purpose, o.person, o.channel, o.target, d.outcome, d.reason, d.detail
FROM deliveries d JOIN outbox o ON o.id = d.outbox_id JOIN orders r ON r.id = o.order_id
WHERE r.case_id = %(case_id)s::uuid ORDER BY d.seq;

-- notices_of: the notices about an order
SELECT id, purpose, channel, target, person, state, hold_until, attempts, reason, created_at, done_at
FROM outbox WHERE order_id = %(order_id)s::uuid ORDER BY created_at, id;

-- prune_deliveries: attempts of notices that were done long ago
DELETE FROM deliveries d USING outbox o WHERE o.id = d.outbox_id AND o.state <> 'waiting' AND o.done_at < %(before)s;

-- prune: notices that were done long ago
DELETE FROM outbox WHERE state <> 'waiting' AND done_at < %(before)s;

-- prune_disturbances: those that no allowance counts any more
DELETE FROM disturbances WHERE at < %(before)s;

-- use_link: a link is used, once; nothing comes back when it was used before
INSERT INTO used_links (nonce, order_id, verb, actor, used_at, expires)
VALUES (%(nonce)s, %(order_id)s, %(verb)s, %(actor)s, %(at)s, %(expires)s)
ON CONFLICT (nonce) DO NOTHING RETURNING nonce;

-- link_used: when a link was used
SELECT used_at, actor FROM used_links WHERE nonce = %(nonce)s;

-- prune_links: links that no longer work anyway
DELETE FROM used_links WHERE expires < %(before)s;
