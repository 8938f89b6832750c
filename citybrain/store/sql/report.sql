-- episodes: every episode that stands, in event time
SELECT asset, condition, severity, onset_at AS onset, end_at AS "end", past FROM alerts
WHERE NOT withdrawn ORDER BY asset, condition, onset_at;

-- quarantine: messages in quarantine by reason
SELECT reason, sum(seen)::bigint AS n FROM quarantine GROUP BY reason ORDER BY reason;

-- orders: work orders that were opened
SELECT count(*) AS n FROM orders;

-- twice: assets and causes with more than one open order, and cases with more than one order that was not cancelled
SELECT count(*) AS n FROM (
    SELECT c.asset, c.cause FROM orders o JOIN cases c ON c.id = o.case_id
    WHERE o.state NOT IN ('closed', 'cancelled') GROUP BY c.asset, c.cause HAVING count(*) > 1
) AS doubled;

-- durable_ms: for readings with a sequence number, the real time of their commit (needs track_commit_timestamp)
SELECT device, seq, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::double precision AS committed_ms
FROM readings WHERE seq >= %(first)s AND seq %% %(step)s = 0;

-- order_ms: the real time of the commit of each order's first event, with the asset of its case
SELECT c.asset, (extract(epoch FROM min(pg_xact_commit_timestamp(e.xmin))) * 1000)::double precision AS committed_ms
FROM order_events e JOIN orders o ON o.id = e.order_id JOIN cases c ON c.id = o.case_id
GROUP BY o.id, c.asset;

-- stored_seqs: how often each sequence number is stored
SELECT seq, count(*) AS n FROM readings WHERE seq IS NOT NULL GROUP BY seq;
