-- conditions: how each condition behaves
SELECT a.condition, count(*) AS alerts, count(DISTINCT a.asset) AS assets,
       count(*) FILTER (WHERE a.withdrawn)::float8 / count(*) AS withdrawn,
       count(*) FILTER (WHERE a.flapping)::float8 / count(*) AS flapping,
       count(*) FILTER (WHERE c.outcome = 'verified')::float8 / nullif(count(*) FILTER (WHERE c.outcome IS NOT NULL), 0) AS confirmed,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.end_at - a.onset_at)) AS median
  FROM alerts a LEFT JOIN cases c ON c.id = a.case_id
 WHERE $__timeFilter(a.raised_at) AND NOT a.past
 GROUP BY 1 ORDER BY alerts DESC

-- outcomes: how cases ended
SELECT coalesce(outcome, state) AS outcome, count(*) AS cases FROM cases WHERE $__timeFilter(opened_at) GROUP BY 1 ORDER BY 2 DESC

-- load: alerts raised in ten minutes; an operator can take one, ten are a flood (EEMUA 191)
SELECT $__timeGroupAlias(a.raised_at, 10m, 0), count(*) AS alerts
  FROM alerts a WHERE $__timeFilter(a.raised_at) AND NOT a.past GROUP BY 1 ORDER BY 1

-- by_hour: alerts by the hour of the day in the city's zone
SELECT lpad(hour::text, 2, '0') AS hour, count(a.id) AS alerts
  FROM generate_series(0, 23) AS hour
  LEFT JOIN alerts a ON $__timeFilter(a.raised_at) AND NOT a.past
   AND extract(hour FROM a.raised_at AT TIME ZONE coalesce((SELECT mode() WITHIN GROUP (ORDER BY timezone) FROM units), 'UTC')) = hour
 GROUP BY 1 ORDER BY 1

-- noisy_assets: assets with the most alerts
SELECT a.asset, s.kind, coalesce(s.district, 'none') AS district, count(*) AS alerts, count(DISTINCT a.condition) AS conditions,
       count(DISTINCT o.id) AS orders, bool_or(a.flapping) AS flapping, max(a.raised_at) AS newest
  FROM alerts a LEFT JOIN assets s ON s.id = a.asset LEFT JOIN orders o ON o.case_id = a.case_id
 WHERE $__timeFilter(a.raised_at) AND NOT a.past
 GROUP BY 1, 2, 3 ORDER BY alerts DESC, a.asset LIMIT 25

-- grouping: what became of alerts: how many cases and orders came of them, and how many hung on another's fault
SELECT count(*) AS alerts, count(DISTINCT a.case_id) AS cases, count(DISTINCT o.id) AS orders,
       count(*) FILTER (WHERE a.asset <> c.asset) AS children
  FROM alerts a LEFT JOIN cases c ON c.id = a.case_id LEFT JOIN orders o ON o.case_id = c.id
 WHERE $__timeFilter(a.raised_at) AND NOT a.past AND NOT a.withdrawn

-- changes: what happened to alerts, by interval
SELECT $__timeGroup(e.at, $__interval) AS time, e.change AS metric, count(*) AS value
  FROM alert_events e WHERE $__timeFilter(e.at) GROUP BY 1, 2 ORDER BY 1

-- rulebooks: which version of the rules raised what
SELECT a.rulebook, count(*) AS alerts, min(a.raised_at) AS oldest, max(a.raised_at) AS newest
  FROM alerts a WHERE $__timeFilter(a.raised_at) AND NOT a.past GROUP BY 1 ORDER BY newest DESC

-- sensors: alerts about devices, not about what they watch
SELECT coalesce(s.model, 'unknown') AS model, a.condition, count(*) AS alerts, count(DISTINCT a.asset) AS assets
  FROM alerts a LEFT JOIN assets s ON s.id = a.asset
 WHERE $__timeFilter(a.raised_at) AND NOT a.past AND a.condition LIKE 'DEV-%'
 GROUP BY 1, 2 ORDER BY alerts DESC LIMIT 50

-- repeats: orders that followed within three days on the end of another for the same asset and cause
SELECT count(*) AS orders, count(*) FILTER (WHERE again) AS repeats, (count(*) FILTER (WHERE again))::float8 / nullif(count(*), 0) AS share
  FROM (SELECT EXISTS (SELECT FROM orders p JOIN cases d ON d.id = p.case_id
                        WHERE d.asset = c.asset AND d.cause = c.cause AND p.id <> o.id
                          AND p.closed_at BETWEEN o.dispatched_at - interval '72 hours' AND o.dispatched_at) AS again
          FROM orders o JOIN cases c ON c.id = o.case_id WHERE $__timeFilter(o.dispatched_at)) AS judged

-- quarantine: what could not be read
SELECT reason, count(*) AS kinds, sum(seen)::bigint AS messages, max(last_at) AS newest, min(topic) AS topic
  FROM quarantine WHERE $__timeFilter(last_at) GROUP BY 1 ORDER BY messages DESC
