-- add: the clocks of new orders
INSERT INTO order_clocks (order_id, clock, state, limit_value, limit_unit, begun_at, since, spent_us, total_us, due_at, coming, quiet,
                          explanation)
SELECT order_id, clock, state, limit_value, limit_unit, begun_at, since, spent_us, total_us, due_at, coming, quiet, explanation
FROM jsonb_to_recordset(%(rows)s) AS n (order_id uuid, alike text)
JOIN jsonb_to_recordset(%(shapes)s)
     AS s (alike text, clock text, state text, limit_value float8, limit_unit text, begun_at timestamptz, since timestamptz,
           spent_us bigint, total_us bigint, due_at timestamptz, coming text[], quiet boolean, explanation jsonb) USING (alike);

-- of_order: both clocks of an order; the caller holds its case
SELECT clock, state, limit_value, limit_unit, begun_at, since, spent_us, total_us, due_at, coming, quiet, extended, met_at, overdue_at,
       until, stood_at, explanation
FROM order_clocks WHERE order_id = %(order_id)s::uuid ORDER BY clock;

-- save: a clock as it is now
UPDATE order_clocks SET state = %(state)s, limit_value = %(limit_value)s, limit_unit = %(limit_unit)s, begun_at = %(begun_at)s,
    since = %(since)s, spent_us = %(spent_us)s, total_us = %(total_us)s, due_at = %(due_at)s, coming = %(coming)s, quiet = %(quiet)s,
    extended = %(extended)s, met_at = %(met_at)s, overdue_at = %(overdue_at)s, until = %(until)s,
    stood_at = %(stood_at)s, explanation = coalesce(%(explanation)s, explanation)
WHERE order_id = %(order_id)s::uuid AND clock = %(clock)s;

-- sync: the columns of the order follow its repair clock
UPDATE orders SET limit_value = %(limit_value)s, limit_unit = %(limit_unit)s, clock_from = %(clock_from)s, due_at = %(due_at)s,
    overdue_at = %(overdue_at)s, filing_item = coalesce(%(filing_item)s, filing_item),
    explanation = coalesce(%(explanation)s, explanation)
WHERE id = %(id)s::uuid;

-- drop_later: timers that are not due yet
DELETE FROM timers WHERE case_id = %(case_id)s::uuid AND purpose = ANY (%(purposes)s) AND next_at > %(now)s;

-- set_checklist: what is gone through before an order is reported fixed
UPDATE orders SET checklist = %(checklist)s WHERE id = %(id)s::uuid;

-- closing: when an order counts as put right
SELECT close_en, close_zh, checklist FROM orders WHERE id = %(id)s::uuid;

-- checklist: of one order
SELECT checklist FROM orders WHERE id = %(id)s::uuid;

-- withdraw: notices that wait and make no sense any more
WITH gone AS (
    UPDATE outbox SET state = 'dropped', reason = %(reason)s, done_at = %(at)s
    WHERE order_id = %(order_id)s::uuid AND purpose = ANY (%(purposes)s) AND state = 'waiting'
    RETURNING id
)
INSERT INTO deliveries (outbox_id, at, ok, reason, detail, outcome)
SELECT id, %(at)s, false, %(reason)s, 'not sent', 'dropped' FROM gone;

-- followers: targets that were told about an order
SELECT DISTINCT target FROM outbox WHERE order_id = %(order_id)s::uuid AND state IN ('sent', 'waiting') ORDER BY target;

-- newer_case: another open case of the same asset and cause
SELECT n.id FROM cases c JOIN cases n ON n.asset = c.asset AND n.cause = c.cause AND n.state <> 'closed' AND n.id <> c.id
WHERE c.id = %(case_id)s::uuid;

-- reopen_case: a closed case is open again
UPDATE cases SET state = 'open', closed_at = NULL, outcome = NULL WHERE id = %(case_id)s::uuid;

-- reopen_order: and its order
UPDATE orders SET reopens = reopens + 1, reopened_at = %(at)s, closed_at = NULL, fixed_at = NULL WHERE id = %(order_id)s::uuid;

-- ask: a request of the unit; the same again changes nothing
INSERT INTO clock_requests (id, order_id, kind, code, detail, until, asked_by, asked_at)
VALUES (%(id)s, %(order_id)s, %(kind)s, %(code)s, %(detail)s, %(until)s, %(asked_by)s, %(asked_at)s)
ON CONFLICT (id) DO NOTHING;

-- open_request: the one that waits for an answer
SELECT id, order_id, kind, code, detail, until, asked_by, asked_at, state, first_by, first_at, second_by, second_at
FROM clock_requests WHERE order_id = %(order_id)s::uuid AND state = 'asked';

-- requests_of: of one order
SELECT id, kind, code, detail, until, asked_by, asked_at, state, first_by, first_at, second_by, second_at, refused_by, ended_at, reason
FROM clock_requests WHERE order_id = %(order_id)s::uuid ORDER BY asked_at, id;

-- request: one
SELECT id, order_id, kind, code, detail, until, asked_by, asked_at, state, first_by, first_at, second_by, second_at
FROM clock_requests WHERE id = %(id)s::uuid;

-- approve: one more approval
UPDATE clock_requests SET
    second_by = CASE WHEN first_by IS NULL THEN NULL ELSE %(by)s END,
    second_at = CASE WHEN first_by IS NULL THEN NULL ELSE %(at)s::timestamptz END,
    first_by = coalesce(first_by, %(by)s), first_at = coalesce(first_at, %(at)s),
    state = CASE WHEN %(last)s THEN 'approved' ELSE state END,
    ended_at = CASE WHEN %(last)s THEN %(at)s::timestamptz END
WHERE id = %(id)s::uuid;

-- refuse: a request
UPDATE clock_requests SET state = 'refused', refused_by = %(by)s, reason = %(reason)s, ended_at = %(at)s WHERE id = %(id)s::uuid;

-- lapse: the open request of an order that is over, or late
UPDATE clock_requests SET state = 'lapsed', reason = %(reason)s, ended_at = %(at)s
WHERE order_id = %(order_id)s::uuid AND state = 'asked';

-- asset_of: the asset of a case
SELECT asset FROM cases WHERE id = %(case_id)s::uuid;

-- told_now: targets for whom a notice was written at a time
SELECT target FROM outbox WHERE order_id = %(order_id)s::uuid AND purpose = %(purpose)s AND created_at = %(at)s;
