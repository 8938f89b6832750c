-- add: an order was given back
INSERT INTO order_returns (order_id, number, unit, code, note, evidence, actor, at)
VALUES (%(order_id)s, %(number)s, %(unit)s, %(code)s, %(note)s, %(evidence)s, %(actor)s, %(at)s);

-- sent: where an order went that had been given back
UPDATE order_returns SET sent_to = %(unit)s, why = %(why)s
WHERE order_id = %(order_id)s::uuid AND sent_to IS NULL;

-- of_order: the returns of an order
SELECT number, unit, code, note, evidence, actor, at, sent_to, why FROM order_returns
WHERE order_id = %(order_id)s::uuid ORDER BY number;

-- by_code: how often orders were given back, by code and unit
SELECT code, unit, count(*) AS n FROM order_returns GROUP BY code, unit ORDER BY code, unit;

-- accuracy: of the orders dispatched in a span of time, by the unit that got them first: how many it kept. The others it gave
-- back as not its own, and they ended with another unit. What nobody has decided yet is not counted
SELECT first.unit, count(*) AS orders,
       count(*) FILTER (WHERE first.wrong AND o.unit <> first.unit) AS misdirected
FROM orders o
CROSS JOIN LATERAL (
    SELECT coalesce((SELECT r.unit FROM order_returns r WHERE r.order_id = o.id AND r.number = 1), o.unit) AS unit,
           EXISTS (SELECT FROM order_returns r WHERE r.order_id = o.id AND r.number = 1 AND r.code = ANY (%(codes)s)) AS wrong,
           (SELECT min(e.at) FROM order_events e WHERE e.order_id = o.id AND e.event = 'dispatch') AS at
) AS first
WHERE o.state NOT IN ('returned', 'arbitration')
  AND (%(since)s::timestamptz IS NULL OR first.at >= %(since)s) AND (%(until)s::timestamptz IS NULL OR first.at < %(until)s)
GROUP BY first.unit ORDER BY first.unit;

-- totals: the same of all orders, for the metrics
SELECT count(*) FILTER (WHERE o.state NOT IN ('returned', 'arbitration')) AS orders,
       count(*) FILTER (WHERE o.state NOT IN ('returned', 'arbitration') AND EXISTS (
           SELECT FROM order_returns r
           WHERE r.order_id = o.id AND r.number = 1 AND r.code = ANY (%(codes)s) AND r.unit <> o.unit)) AS misdirected
FROM orders o;

-- offer: what a returned order says about the register, unless that is a question already
INSERT INTO register_proposals (id, asset, from_unit, to_unit, order_id, evidence, offered_at)
VALUES (%(id)s, %(asset)s, %(from_unit)s, %(to_unit)s, %(order_id)s, %(evidence)s, %(at)s)
ON CONFLICT DO NOTHING;

-- misdirected: the unit that gave an order back first as not its own; nothing when none did
SELECT unit, code FROM order_returns WHERE order_id = %(order_id)s::uuid AND code = ANY (%(codes)s) ORDER BY number LIMIT 1;

-- repaired: an order that a unit gave back as not its own, which another one then kept although the register does not name it
SELECT r.unit AS from_unit, o.unit AS to_unit, c.asset
FROM orders o JOIN cases c ON c.id = o.case_id JOIN order_returns r ON r.order_id = o.id AND r.code = ANY (%(codes)s)
WHERE o.id = %(order_id)s::uuid AND r.unit <> o.unit
  AND NOT EXISTS (SELECT FROM order_returns l WHERE l.order_id = o.id AND l.sent_to = o.unit AND l.why = 'register_corrected')
ORDER BY r.number LIMIT 1;

-- proposals: proposals, newest first
SELECT number, asset, from_unit, to_unit, order_id, evidence, state, offered_at, decided_at, decided_by, reason
FROM register_proposals WHERE %(state)s::text IS NULL OR state = %(state)s ORDER BY number DESC LIMIT %(limit)s;

-- proposal: one proposal, held
SELECT number, asset, from_unit, to_unit, order_id, evidence, state, offered_at, decided_at, decided_by, reason
FROM register_proposals WHERE number = %(number)s FOR UPDATE;

-- decide: accepted or refused
UPDATE register_proposals SET state = %(state)s, decided_at = %(at)s, decided_by = %(actor)s, reason = %(reason)s
WHERE number = %(number)s AND state = 'offered';

-- open: how many proposals wait
SELECT count(*) AS n FROM register_proposals WHERE state = 'offered';
