-- stream_end: the newest event that every reader may see
SELECT coalesce((SELECT max(seq) FROM alert_events
                  WHERE age(xmin) > age(mod(pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 4294967296)::text::xid)), 0) AS alert_seq,
       coalesce((SELECT max(seq) FROM order_events
                  WHERE age(xmin) > age(mod(pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 4294967296)::text::xid)), 0) AS order_seq;

-- stream_alerts: alert events after a position. What an open transaction may still put before them is waited for:
-- a number of a sequence is taken before its row is committed, so only rows older than every open transaction are final
SELECT e.seq, age(e.xmin) AS age, e.change, e.at, e.reason, e.detail, a.id AS alert, a.asset, a.kind, a.condition, a.severity, a.phase,
       a.onset_at, a.end_at, a.past, a.withdrawn, a.flapping, a.case_id
  FROM alert_events e JOIN alerts a ON a.id = e.alert_id
 WHERE e.seq > %(after)s::bigint AND e.seq <= %(until)s::bigint
   AND age(e.xmin) > age(mod(pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 4294967296)::text::xid)
 ORDER BY e.seq LIMIT %(limit)s;

-- stream_orders: order events after a position, with the same wait
SELECT e.seq, age(e.xmin) AS age, e.event, e.from_state, e.to_state, e.at, e.actor, e.reason, e.detail, o.id AS "order", o.number, o.unit,
       o.state, o.filing_item, o.dispatched_at, o.due_at, o.overdue_at, o.closed_at, o.case_id,
       c.asset, c.kind, c.cause, c.condition, c.severity, c.children
  FROM order_events e JOIN orders o ON o.id = e.order_id JOIN cases c ON c.id = o.case_id
 WHERE e.seq > %(after)s::bigint AND e.seq <= %(until)s::bigint
   AND age(e.xmin) > age(mod(pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 4294967296)::text::xid)
 ORDER BY e.seq LIMIT %(limit)s;
