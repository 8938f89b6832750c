-- alerts: every episode for the scorer
SELECT id, asset, condition, severity, onset_at, raised_at, end_at, withdrawn FROM alerts WHERE NOT past ORDER BY raised_at, id;

-- orders: every order with its case and the assets of the alerts that the case holds
SELECT o.id, o.number, c.asset, c.condition, c.cause, o.dispatched_at, o.closed_at, o.state, o.overdue_at,
       coalesce((SELECT array_agg(DISTINCT a.asset ORDER BY a.asset) FROM alerts a WHERE a.case_id = c.id), '{}') AS assets,
       (SELECT min(a.raised_at) FROM alerts a WHERE a.case_id = c.id) AS raised_at
  FROM orders o JOIN cases c ON c.id = o.case_id
 ORDER BY o.number;

-- firsts: for each order the real time of the commit that opened it, and the alert that opened its case
SELECT c.asset, c.condition, a.raised_at, a.evidence,
       (extract(epoch FROM pg_xact_commit_timestamp(e.xmin)) * 1000)::double precision AS committed_ms
  FROM orders o
  JOIN cases c ON c.id = o.case_id
  JOIN LATERAL (SELECT xmin FROM order_events WHERE order_id = o.id ORDER BY seq LIMIT 1) e ON true
  JOIN LATERAL (SELECT raised_at, evidence FROM alerts
                 WHERE case_id = c.id AND asset = c.asset AND condition = c.condition ORDER BY raised_at LIMIT 1) a ON true
 ORDER BY o.number;

-- raised_until: what came of all that was known at a moment: alerts raised until then, and orders for them
SELECT (SELECT count(*) FROM alerts WHERE NOT past AND raised_at <= %(now)s) AS alerts,
       (SELECT count(*) FROM orders o
         WHERE EXISTS (SELECT 1 FROM alerts a WHERE a.case_id = o.case_id AND a.raised_at <= %(now)s)) AS orders;

-- readings: what makes each stored reading the one it is, a page in the order of the primary key
SELECT asset, observed_at, message, coalesce(key, message) AS key, (extract(epoch FROM observed_at) * 1000)::bigint AS observed_ms
  FROM readings
 WHERE (asset, observed_at, message) > (%(asset)s::text, %(observed_at)s::timestamptz, %(message)s::bigint) AND received_at IS NOT NULL
 ORDER BY asset, observed_at, message LIMIT %(limit)s;

-- casework: what came of the alerts since a moment: cases that stood for themselves, faults that went into the case of another
-- asset, messages that somebody got, and planned orders ever opened
SELECT (SELECT count(*) FROM cases c WHERE c.opened_at >= %(since)s AND c.condition NOT LIKE 'PLAN-%%' AND c.state <> 'gathering'
           AND coalesce(c.outcome, '') NOT IN ('grouped', 'grouped_in_storm', 'merged', 'cleared_before_dispatch')) AS cases,
       (SELECT count(*) FROM alerts a JOIN cases c ON c.id = a.case_id
         WHERE a.asset <> c.asset AND a.raised_at >= %(since)s AND NOT a.withdrawn) AS children_grouped,
       (SELECT count(*) FROM outbox o WHERE o.state = 'sent' AND o.reason <> 'bundled' AND o.created_at >= %(since)s
           AND o.order_id IS NOT NULL) AS messages_sent,
       (SELECT count(*) FROM orders o JOIN cases c ON c.id = o.case_id WHERE c.condition LIKE 'PLAN-%%') AS forecast_orders;
