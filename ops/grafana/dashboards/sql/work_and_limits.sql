-- units: values of the variable
SELECT id AS __value, @unit_name AS __text FROM units u ORDER BY id

-- open_orders: by the time that is left
SELECT o.number AS order_number, o.due_at, c.severity, c.condition, c.asset, c.children, @unit_name AS unit, o.state,
       o.filing_item, o.dispatched_at, o.overdue_at IS NOT NULL AS overdue, o.reworks, o.returns
  FROM orders o JOIN cases c ON c.id = o.case_id LEFT JOIN units u ON u.id = o.unit
 WHERE o.state NOT IN ('closed', 'cancelled') AND o.unit IN (${unit:sqlstring})
 ORDER BY o.due_at LIMIT 300

-- opened_closed: orders opened, closed and overdue in each interval
SELECT time, metric, sum(value) AS value FROM (
    SELECT $__timeGroup(o.dispatched_at, $__interval) AS time, 'opened' AS metric, count(*) AS value
      FROM orders o WHERE $__timeFilter(o.dispatched_at) AND o.unit IN (${unit:sqlstring}) GROUP BY 1
    UNION ALL
    SELECT $__timeGroup(o.closed_at, $__interval), 'closed', count(*)
      FROM orders o WHERE $__timeFilter(o.closed_at) AND o.unit IN (${unit:sqlstring}) GROUP BY 1
    UNION ALL
    SELECT $__timeGroup(o.overdue_at, $__interval), 'overdue', count(*)
      FROM orders o WHERE $__timeFilter(o.overdue_at) AND o.unit IN (${unit:sqlstring}) GROUP BY 1
) AS counted GROUP BY 1, 2 ORDER BY 1

-- within_limit: share of the closed orders of each unit that were never overdue
SELECT @unit_name AS unit, count(*) AS closed, count(*) FILTER (WHERE o.overdue_at IS NULL)::float8 / count(*) AS within_limit,
       sum(o.reworks) AS reworks, sum(o.returns) AS returns
  FROM orders o LEFT JOIN units u ON u.id = o.unit
 WHERE o.state = 'closed' AND $__timeFilter(o.closed_at) AND o.unit IN (${unit:sqlstring})
 GROUP BY 1 ORDER BY closed DESC

-- steps: from dispatch to each step, by unit
SELECT @unit_name AS unit, e.to_state AS state, count(*) AS orders,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM e.at - o.dispatched_at)) AS median,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM e.at - o.dispatched_at)) AS p90
  FROM orders o
  JOIN LATERAL (SELECT DISTINCT ON (to_state) to_state, at FROM order_events
                 WHERE order_id = o.id AND from_state <> to_state ORDER BY to_state, seq) AS e ON true
  LEFT JOIN units u ON u.id = o.unit
 WHERE $__timeFilter(o.dispatched_at) AND e.to_state IN ('acknowledged', 'on_site', 'fixed', 'closed') AND o.unit IN (${unit:sqlstring})
 GROUP BY 1, 2 ORDER BY 1, array_position(ARRAY['acknowledged', 'on_site', 'fixed', 'closed'], e.to_state)

-- items: how much of its limit each kind of work takes; 1 is the whole limit
SELECT o.filing_item, o.limit_value, o.limit_unit, count(*) AS orders, count(*) FILTER (WHERE o.overdue_at IS NOT NULL) AS overdue,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM coalesce(o.closed_at, o.due_at) - o.clock_from)
           / nullif(extract(epoch FROM o.due_at - o.clock_from), 0)) AS used
  FROM orders o
 WHERE $__timeFilter(o.dispatched_at) AND o.unit IN (${unit:sqlstring})
 GROUP BY 1, 2, 3 ORDER BY orders DESC

-- notes: reminders, escalations and what else was noted, by interval
SELECT $__timeGroup(e.at, $__interval) AS time, e.event AS metric, count(*) AS value
  FROM order_events e JOIN orders o ON o.id = e.order_id
 WHERE $__timeFilter(e.at) AND e.from_state = e.to_state AND o.unit IN (${unit:sqlstring})
 GROUP BY 1, 2 ORDER BY 1

-- timers: what will happen next
SELECT t.purpose, count(*) AS timers, min(t.next_at) AS next_at, max(t.failures) AS failures
  FROM timers t JOIN orders o ON o.case_id = t.case_id AND o.state NOT IN ('closed', 'cancelled')
 WHERE o.unit IN (${unit:sqlstring})
 GROUP BY 1 ORDER BY next_at

-- notices: what was sent, by channel and what came of it
SELECT n.channel, n.state, count(*) AS notices, max(n.attempts) AS attempts, max(n.created_at) AS newest
  FROM outbox n LEFT JOIN orders o ON o.id = n.order_id
 WHERE $__timeFilter(n.created_at) AND coalesce(o.unit, '') IN (${unit:sqlstring})
 GROUP BY 1, 2 ORDER BY 1, 2
