-- begin: the policy of an order begins, or begins anew
INSERT INTO escalations (order_id, policy, step, began_at, told_at)
VALUES (%(order_id)s, %(policy)s, %(step)s, %(at)s, %(told_at)s)
ON CONFLICT (order_id) DO UPDATE SET policy = excluded.policy, step = excluded.step, round = 0, reminded = 0,
    began_at = excluded.began_at, told_at = excluded.told_at, ended_at = NULL, ended = '';

-- of_order: how far it has come
SELECT order_id, policy, step, round, reminded, began_at, told_at, ended_at, ended FROM escalations WHERE order_id = %(order_id)s::uuid;

-- told: a step was told
UPDATE escalations SET step = %(step)s, round = %(round)s, told_at = %(at)s WHERE order_id = %(order_id)s::uuid;

-- reminded: who was told last was told again
UPDATE escalations SET reminded = reminded + 1 WHERE order_id = %(order_id)s::uuid;

-- end: nobody else is told
UPDATE escalations SET ended_at = %(at)s, ended = %(reason)s WHERE order_id = %(order_id)s::uuid AND ended_at IS NULL;

-- about: what an escalation must know of an order
SELECT o.id, o.case_id, o.unit, o.state, o.dispatched_at, o.returns, o.reworks, c.severity, c.condition
FROM orders o JOIN cases c ON c.id = o.case_id WHERE o.id = %(order_id)s::uuid;

-- taken: when an order was sent out for the last time
SELECT (SELECT max(at) FROM order_events WHERE order_id = %(order_id)s::uuid
         AND event IN ('dispatch', 'redispatch', 'rework', 'reopen') AND at <= %(at)s) AS sent_at;

-- handovers_due: schedules to be looked at
SELECT schedule, on_duty, next_at FROM duty_handovers WHERE next_at <= %(now)s ORDER BY schedule FOR UPDATE SKIP LOCKED;

-- handed_over: who is on duty was told, and when that may change next
UPDATE duty_handovers SET on_duty = %(on_duty)s, next_at = %(next_at)s WHERE schedule = %(schedule)s;

-- open_orders: orders of a unit that are not done, and those of them that nobody has taken; "": of all units
SELECT count(*) AS open, count(*) FILTER (WHERE state IN ('dispatched', 'rework', 'returned')) AS untaken
FROM orders WHERE state NOT IN ('closed', 'cancelled', 'verified') AND (%(unit)s = '' OR unit = %(unit)s);
