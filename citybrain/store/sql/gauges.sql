-- counters: what must survive a restart exactly
SELECT name, value FROM counters ORDER BY name;

-- orders_by_state: how many orders are in each state
SELECT state, count(*) AS n FROM orders GROUP BY state;

-- alerts_live: how many live alerts of each condition are in each phase (by the index of live episodes)
SELECT condition, phase, count(*) AS n FROM alerts
 WHERE phase <> 'resolved' AND NOT withdrawn AND NOT past GROUP BY condition, phase;

-- alerts_by_district: the same with the district of the asset
SELECT a.condition, coalesce(s.district, 'none') AS district, a.phase, count(*) AS n
  FROM alerts a LEFT JOIN assets s ON s.id = a.asset
 WHERE a.phase <> 'resolved' AND NOT a.withdrawn AND NOT a.past GROUP BY 1, 2, 3;

-- quarantine_by_reason: how many messages were put aside for each reason
SELECT reason, sum(seen)::bigint AS n FROM quarantine GROUP BY reason;

-- cases_by_state: how many cases are in each state
SELECT state, count(*) AS n FROM cases GROUP BY state;

-- outbox_by_state: how many notifications are in each state
SELECT state, count(*) AS n FROM outbox WHERE purpose <> 'canary' GROUP BY state;

-- oldest_timer: seconds that the most overdue timer is late (0 when none is)
SELECT greatest(0, coalesce(extract(epoch FROM %(now)s::timestamptz - min(next_at)), 0))::float8 AS late_s FROM timers;

-- overdue: open orders behind their limit, orders that ever were, and those of which a lead or supervisor was told
SELECT count(*) FILTER (WHERE overdue_at IS NOT NULL AND state NOT IN ('closed', 'cancelled')) AS overdue_open,
       count(*) FILTER (WHERE overdue_at IS NOT NULL) AS overdue_ever,
       (SELECT count(DISTINCT order_id) FROM order_events WHERE event = 'escalated') AS escalated
  FROM orders;

-- orders_by_unit: how many orders of each unit are in each state
SELECT state, unit, count(*) AS n FROM orders GROUP BY state, unit;

-- overdue_by_unit: open orders behind their limit, by unit
SELECT unit, count(*) AS n FROM orders
 WHERE overdue_at IS NOT NULL AND state NOT IN ('closed', 'cancelled') GROUP BY unit;

-- time_left: open orders by the class of the time that is left; a class ends at its bound (seconds) and includes it
SELECT (SELECT count(*) FROM unnest(%(bounds)s::float8[]) AS bound
         WHERE extract(epoch FROM due_at - %(now)s::timestamptz) > bound)::int AS class, count(*) AS n
  FROM orders WHERE state NOT IN ('closed', 'cancelled') GROUP BY 1;

-- assets_by_district: how many assets of each kind there are in each district
SELECT kind, coalesce(district, 'none') AS district, count(*) AS n FROM assets GROUP BY 1, 2;

-- settled: orders of the last 30 days that were closed or fell behind their limit, by unit; the exact figures have rules of their own
SELECT unit, CASE WHEN overdue_at IS NULL THEN 'in_time' ELSE 'late' END AS kept, count(*) AS n FROM orders
 WHERE filing_item NOT LIKE 'PL-%%' AND (state = 'closed' OR overdue_at IS NOT NULL)
   AND coalesce(closed_at, overdue_at) > %(now)s::timestamptz - interval '30 days' GROUP BY 1, 2;

-- ledger: entries that no anchor covers yet, and the anchors
SELECT (SELECT count(*) FROM order_events WHERE seq > coalesce((SELECT max(to_seq) FROM ledger_anchors), 0)) AS newer,
       (SELECT count(*) FROM ledger_anchors) AS anchors;

-- outbox_oldest: age of the oldest notification that waits and is not held back, city seconds (0 when none does)
SELECT greatest(0, coalesce(extract(epoch FROM %(now)s::timestamptz - min(created_at)), 0))::float8 AS age_s
  FROM outbox WHERE state = 'waiting' AND hold_until <= %(now)s;

-- rejudge_waiting: assets that wait to be judged again
SELECT count(*) AS n FROM rejudge_queue;

-- readings_estimate: how many readings there are: counted up to 10,000, beyond that about as many as the planner believes
SELECT greatest(readings_estimate(), (SELECT count(*) FROM (SELECT 1 FROM readings WHERE received_at IS NOT NULL LIMIT 10000) AS few)) AS n;

-- readings_exact: how many readings there are
SELECT count(received_at) AS n FROM readings;

-- ping: is the database there
SELECT 1 AS one;

-- steps_told: how often each step of a policy was told after the first, ever; 0 for those that never were
SELECT policy, step, sum(n)::bigint AS n FROM (
    SELECT facts->>'policy' AS policy, ((facts->>'step')::int + 1)::text AS step, 1 AS n FROM order_events
    WHERE event = 'escalated' AND facts->>'policy' IS NOT NULL
    UNION ALL SELECT policy, (step + 1)::text, 0 FROM escalation_steps WHERE step > 0
) AS told GROUP BY 1, 2;

-- steps_skipped: how often a step of a policy reached nobody, ever; 0 where each reached somebody
SELECT policy, sum(n)::bigint AS n FROM (
    SELECT facts->>'policy' AS policy, 1 AS n FROM order_events
    WHERE event = 'nobody_to_tell' AND reason = 'nobody_on_duty' AND facts->>'policy' IS NOT NULL
    UNION ALL SELECT id, 0 FROM escalation_policies
) AS skipped GROUP BY 1;
