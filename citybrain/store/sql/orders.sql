-- add: a work order
INSERT INTO orders (id, case_id, unit, state, filing_item, limit_value, limit_unit, dispatched_at, clock_from, due_at, reason,
                    trail, explanation, trace)
VALUES (%(id)s, %(case_id)s, %(unit)s, %(state)s, %(filing_item)s, %(limit_value)s, %(limit_unit)s, %(dispatched_at)s,
        %(dispatched_at)s, %(due_at)s, %(reason)s, %(trail)s, %(explanation)s, %(trace)s);

-- case_of: the case of an order
SELECT case_id FROM orders WHERE id = %(id)s::uuid;

-- of_cases: the open orders of some cases; the caller holds the cases
SELECT o.id, o.number, o.case_id, o.unit, o.state, o.filing_item, o.limit_value, o.limit_unit, o.dispatched_at, o.clock_from, o.due_at,
       o.overdue_at, o.fixed_at, o.reworks, o.returns, o.refused, o.trace
FROM orders o WHERE o.case_id = ANY (%(cases)s::uuid[]) AND o.state NOT IN ('closed', 'cancelled') ORDER BY o.case_id;

-- get: one order; the caller holds its case
SELECT o.id, o.number, o.case_id, o.unit, o.state, o.filing_item, o.limit_value, o.limit_unit, o.dispatched_at, o.clock_from, o.due_at,
       o.overdue_at, o.fixed_at, o.reworks, o.returns, o.refused, o.trace
FROM orders o WHERE o.id = %(id)s::uuid;

-- set_state: a move
UPDATE orders SET state = %(state)s, reason = %(reason)s,
    fixed_at  = CASE WHEN %(state)s = 'fixed' THEN %(at)s ELSE fixed_at END,
    closed_at = CASE WHEN %(state)s IN ('closed', 'cancelled') THEN %(at)s ELSE closed_at END,
    reworks   = reworks + CASE WHEN %(state)s = 'rework' THEN 1 ELSE 0 END,
    returns   = returns + CASE WHEN %(state)s = 'returned' THEN 1 ELSE 0 END,
    refused   = CASE WHEN %(state)s = 'returned' THEN array_append(array_remove(refused, unit), unit) ELSE refused END
WHERE id = %(id)s::uuid;

-- set_overdue: the limit has passed
UPDATE orders SET overdue_at = %(at)s WHERE id = %(id)s::uuid AND overdue_at IS NULL;

-- set_limit: another filing item or another start of the clock
UPDATE orders SET unit = %(unit)s, filing_item = %(filing_item)s, limit_value = %(limit_value)s, limit_unit = %(limit_unit)s,
    dispatched_at = %(dispatched_at)s, clock_from = %(clock_from)s, due_at = %(due_at)s, explanation = %(explanation)s, trail = coalesce(%(trail)s, trail),
    overdue_at = CASE WHEN overdue_at >= %(due_at)s THEN overdue_at END
WHERE id = %(id)s::uuid;

-- last_move: the newest entry of an order that changed its state
SELECT event, to_state, actor, reason FROM order_events
WHERE order_id = %(order_id)s::uuid AND from_state <> to_state ORDER BY seq DESC LIMIT 1;

-- states: the state of one order, or of all
SELECT id, state FROM orders WHERE %(order_id)s::uuid IS NULL OR id = %(order_id)s::uuid;

-- unit: the contacts of a unit
SELECT id, name, name_zh, timezone, calendar, contacts, lead, supervisor FROM units WHERE id = %(id)s;
