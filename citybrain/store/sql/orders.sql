-- add: new work orders
INSERT INTO orders (id, case_id, unit, state, filing_item, limit_value, limit_unit, dispatched_at, clock_from, due_at, reason,
                    trail, explanation, trace, checklist, safe_by_arrival, close_en, close_zh)
SELECT id, case_id, unit, state, filing_item, limit_value, limit_unit, dispatched_at, dispatched_at, due_at, reason,
       t.value, e.value, trace, c.value, safe_by_arrival, close_en, close_zh
FROM jsonb_to_recordset(%(rows)s)
     AS n (n bigint, id uuid, case_id uuid, unit text, state text, filing_item text, limit_value float8, limit_unit text,
           dispatched_at timestamptz, due_at timestamptz, reason text, trail text, explanation text, trace jsonb,
           checklist text, safe_by_arrival boolean, close_en text, close_zh text)
JOIN jsonb_each(%(texts)s) AS t ON t.key = n.trail
JOIN jsonb_each(%(texts)s) AS e ON e.key = n.explanation
JOIN jsonb_each(%(texts)s) AS c ON c.key = n.checklist
ORDER BY n;

-- case_of: the case of an order
SELECT case_id FROM orders WHERE id = %(id)s::uuid;

-- of_cases: the open orders of some cases; the caller holds the cases
SELECT o.id, o.number, o.case_id, o.unit, o.state, o.filing_item, o.limit_value, o.limit_unit, o.dispatched_at, o.clock_from, o.due_at,
       o.overdue_at, o.fixed_at, o.reworks, o.returns, o.reopens, o.refused, o.safe_by_arrival, o.trace
FROM orders o WHERE o.case_id = ANY (%(cases)s::uuid[]) AND o.state NOT IN ('closed', 'cancelled') ORDER BY o.case_id;

-- get: one order; the caller holds its case
SELECT o.id, o.number, o.case_id, o.unit, o.state, o.filing_item, o.limit_value, o.limit_unit, o.dispatched_at, o.clock_from, o.due_at,
       o.overdue_at, o.fixed_at, o.reworks, o.returns, o.reopens, o.refused, o.safe_by_arrival, o.trace
FROM orders o WHERE o.id = %(id)s::uuid;

-- set_state: a move
UPDATE orders SET state = %(state)s, reason = %(reason)s,
    fixed_at  = CASE WHEN %(state)s = 'fixed' THEN %(at)s ELSE fixed_at END,
    closed_at = CASE WHEN %(state)s IN ('closed', 'cancelled') THEN %(at)s ELSE closed_at END,
    reworks   = reworks + CASE WHEN %(state)s = 'rework' THEN 1 ELSE 0 END,
    returns   = returns + CASE WHEN %(state)s = 'returned' THEN 1 ELSE 0 END,
    refused   = CASE WHEN %(state)s = 'returned' THEN array_append(array_remove(refused, unit), unit) ELSE refused END
WHERE id = %(id)s::uuid;

-- set_unit: another unit has it
UPDATE orders SET unit = %(unit)s, dispatched_at = %(dispatched_at)s, trail = %(trail)s WHERE id = %(id)s::uuid;

-- last_move: the newest entry of an order that changed its state
SELECT event, to_state, actor, reason FROM order_events
WHERE order_id = %(order_id)s::uuid AND from_state <> to_state ORDER BY seq DESC LIMIT 1;

-- states: the state of one order, or of all
SELECT id, state FROM orders WHERE %(order_id)s::uuid IS NULL OR id = %(order_id)s::uuid;

-- unit: the contacts of a unit
SELECT id, name, name_zh, timezone, calendar, contacts, lead, supervisor FROM units WHERE id = %(id)s;
