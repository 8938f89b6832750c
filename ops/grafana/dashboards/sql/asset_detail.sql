-- asset_ids: values of the variable; what is typed is its beginning
SELECT id FROM assets WHERE id LIKE '$__searchFilter' ORDER BY id LIMIT 500

-- measures: values of the variable
SELECT DISTINCT measure FROM readings_1d WHERE asset = ${asset:sqlstring} ORDER BY measure

-- facts: what the register says
SELECT s.kind, s.name, coalesce(s.district, 'none') AS district, s.street_class, @unit_name AS unit, s.model, s.interval_s, s.feeder,
       s.cabinet, s.gateway, s.lat AS latitude, s.lon AS longitude, s.provisional
  FROM assets s LEFT JOIN units u ON u.id = s.unit WHERE s.id = ${asset:sqlstring}

-- last_values: the newest value of each measure
SELECT measure, last AS value, label, last_at AS at
  FROM (SELECT DISTINCT ON (measure) measure, last, label, last_at FROM readings_1d
         WHERE asset = ${asset:sqlstring} ORDER BY measure, bucket DESC) AS newest
 ORDER BY measure

-- values: averages, as fine as the screen can show: readings, minutes, hours or days
SELECT observed_at AS time, measure AS metric, value FROM readings
 WHERE $__interval_ms < 60000 AND asset = ${asset:sqlstring} AND measure IN (${measure:sqlstring})
   AND $__timeFilter(observed_at) AND value IS NOT NULL
UNION ALL
SELECT bucket, measure, avg FROM readings_1m
 WHERE $__interval_ms >= 60000 AND $__interval_ms < 3600000 AND asset = ${asset:sqlstring} AND measure IN (${measure:sqlstring})
   AND $__timeFilter(bucket) AND avg IS NOT NULL
UNION ALL
SELECT bucket, measure, avg FROM readings_1h
 WHERE $__interval_ms >= 3600000 AND $__interval_ms < 86400000 AND asset = ${asset:sqlstring} AND measure IN (${measure:sqlstring})
   AND $__timeFilter(bucket) AND avg IS NOT NULL
UNION ALL
SELECT bucket, measure, avg FROM readings_1d
 WHERE $__interval_ms >= 86400000 AND asset = ${asset:sqlstring} AND measure IN (${measure:sqlstring})
   AND $__timeFilter(bucket) AND avg IS NOT NULL
ORDER BY 1

-- bounds: the least and the greatest value of each hour
SELECT bucket AS time, measure || ' min' AS metric, min AS value FROM readings_1h
 WHERE asset = ${asset:sqlstring} AND measure IN (${measure:sqlstring}) AND $__timeFilter(bucket) AND min IS NOT NULL
UNION ALL
SELECT bucket, measure || ' max', max FROM readings_1h
 WHERE asset = ${asset:sqlstring} AND measure IN (${measure:sqlstring}) AND $__timeFilter(bucket) AND max IS NOT NULL
ORDER BY 1

-- messages: how many messages came in each interval
SELECT $__timeGroupAlias(observed_at, $__interval), count(received_at) AS messages
  FROM readings WHERE asset = ${asset:sqlstring} AND $__timeFilter(observed_at)
 GROUP BY 1 ORDER BY 1

-- delay: how long messages were under way
SELECT observed_at AS time, extract(epoch FROM received_at - observed_at) AS delay
  FROM readings WHERE asset = ${asset:sqlstring} AND $__timeFilter(observed_at) AND received_at IS NOT NULL
 ORDER BY 1

-- quality: messages by what is special about them
SELECT count(received_at) AS messages, count(received_at) FILTER (WHERE quality & 256 <> 0) AS late,
       count(received_at) FILTER (WHERE quality & 2 <> 0) AS history, count(received_at) FILTER (WHERE quality & 4 <> 0) AS no_device_time,
       count(received_at) FILTER (WHERE quality & 1 <> 0) AS simulated, count(DISTINCT measure) AS measures
  FROM readings WHERE asset = ${asset:sqlstring} AND $__timeFilter(observed_at)

-- episodes: every alert of the asset, newest first
SELECT a.onset_at AS since, a.end_at, a.condition, a.severity, a.phase, a.detail, a.flapping, a.withdrawn, a.past, o.number AS order_number
  FROM alerts a LEFT JOIN orders o ON o.case_id = a.case_id
 WHERE a.asset = ${asset:sqlstring} ORDER BY a.onset_at DESC LIMIT 100

-- states: when which condition held
SELECT a.onset_at AS time, a.condition AS metric, 1 AS value FROM alerts a
 WHERE a.asset = ${asset:sqlstring} AND NOT a.withdrawn AND a.onset_at <= $__timeTo() AND coalesce(a.end_at, $__timeTo()) >= $__timeFrom()
UNION ALL
SELECT a.end_at, a.condition, 0 FROM alerts a
 WHERE a.asset = ${asset:sqlstring} AND NOT a.withdrawn AND a.end_at BETWEEN $__timeFrom() AND $__timeTo()
ORDER BY 1

-- orders: the work on the asset, newest first
SELECT o.number AS order_number, o.dispatched_at, c.condition, @unit_name AS unit, o.state, o.due_at, o.overdue_at, o.closed_at, c.outcome
  FROM orders o JOIN cases c ON c.id = o.case_id LEFT JOIN units u ON u.id = o.unit
 WHERE c.asset = ${asset:sqlstring} OR c.id IN (SELECT case_id FROM alerts WHERE asset = ${asset:sqlstring})
 ORDER BY o.number DESC LIMIT 50

-- ledger: what happened to its newest order
SELECT e.at, e.event, e.from_state, e.to_state, e.actor, e.reason, e.detail
  FROM order_events e
 WHERE e.order_id = (SELECT o.id FROM orders o JOIN cases c ON c.id = o.case_id
                      WHERE c.asset = ${asset:sqlstring} OR c.id IN (SELECT case_id FROM alerts WHERE asset = ${asset:sqlstring})
                      ORDER BY o.number DESC LIMIT 1)
 ORDER BY e.seq
