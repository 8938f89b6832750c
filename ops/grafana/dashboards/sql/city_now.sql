-- districts: values of the variable
SELECT coalesce(district, 'none') AS district FROM assets GROUP BY 1 ORDER BY 1

-- critical: live alerts of the gravest kind
SELECT count(*) AS alerts
  FROM alerts a LEFT JOIN assets s ON s.id = a.asset
 WHERE a.phase <> 'resolved' AND NOT a.withdrawn AND NOT a.past AND a.severity = 'critical'
   AND coalesce(s.district, 'none') IN (${district:sqlstring})

-- live_alerts: what is wrong now, the gravest first
SELECT a.severity, a.condition, a.asset, coalesce(s.district, 'none') AS district, a.onset_at AS since, a.phase,
       o.number AS order_number, @unit_name AS unit, o.state, o.due_at
  FROM alerts a
  LEFT JOIN assets s ON s.id = a.asset
  LEFT JOIN orders o ON o.case_id = a.case_id AND o.state NOT IN ('closed', 'cancelled')
  LEFT JOIN units u ON u.id = o.unit
 WHERE a.phase <> 'resolved' AND NOT a.withdrawn AND NOT a.past
   AND coalesce(s.district, 'none') IN (${district:sqlstring})
 ORDER BY array_position(ARRAY['critical', 'major', 'minor', 'warning'], a.severity), a.onset_at DESC
 LIMIT 200

-- alert_map: where it is wrong now; rank 0 is the gravest
SELECT s.lat AS latitude, s.lon AS longitude, a.asset, a.condition, a.severity,
       array_position(ARRAY['critical', 'major', 'minor', 'warning'], a.severity) - 1 AS rank
  FROM alerts a JOIN assets s ON s.id = a.asset
 WHERE a.phase <> 'resolved' AND NOT a.withdrawn AND NOT a.past AND s.lat IS NOT NULL AND s.lon IS NOT NULL
   AND coalesce(s.district, 'none') IN (${district:sqlstring})
 ORDER BY rank DESC
 LIMIT 5000

-- by_district: live alerts of each district by severity
SELECT coalesce(s.district, 'none') AS district,
       count(*) FILTER (WHERE a.severity = 'critical') AS critical, count(*) FILTER (WHERE a.severity = 'major') AS major,
       count(*) FILTER (WHERE a.severity = 'minor') AS minor, count(*) FILTER (WHERE a.severity = 'warning') AS warning
  FROM alerts a LEFT JOIN assets s ON s.id = a.asset
 WHERE a.phase <> 'resolved' AND NOT a.withdrawn AND NOT a.past
   AND coalesce(s.district, 'none') IN (${district:sqlstring})
 GROUP BY 1 ORDER BY count(*) DESC

-- newest_orders: what was sent out last
SELECT o.number AS order_number, o.dispatched_at, c.condition, c.asset, c.children, @unit_name AS unit, o.state, o.due_at
  FROM orders o JOIN cases c ON c.id = o.case_id
  LEFT JOIN assets s ON s.id = c.asset
  LEFT JOIN units u ON u.id = o.unit
 WHERE coalesce(s.district, 'none') IN (${district:sqlstring})
 ORDER BY o.number DESC LIMIT 50

-- assets: what the register holds
SELECT kind, count(*) AS assets, count(*) FILTER (WHERE provisional) AS provisional
  FROM assets WHERE coalesce(district, 'none') IN (${district:sqlstring})
 GROUP BY kind ORDER BY assets DESC
