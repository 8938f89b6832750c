-- alerts: episodes, newest onset first, after a cursor
SELECT a.id, a.asset, a.kind, a.condition, a.severity, a.phase, a.onset_at, a.end_at, a.raised_at, a.reason, a.detail,
       a.evidence, a.rulebook, a.past, a.withdrawn, a.flapping, a.case_id
  FROM alerts a
 WHERE (%(asset)s::text IS NULL OR a.asset = %(asset)s)
   AND (%(condition)s::text IS NULL OR a.condition = %(condition)s)
   AND (%(severity)s::text IS NULL OR a.severity = %(severity)s)
   AND (%(phase)s::text IS NULL OR a.phase = %(phase)s)
   AND (%(after_at)s::timestamptz IS NULL OR (a.onset_at, a.id) < (%(after_at)s::timestamptz, %(after_id)s::uuid))
 ORDER BY a.onset_at DESC, a.id DESC
 LIMIT %(limit)s;

-- alerts_live: what goes on now, newest onset first, after a cursor; a query of its own, so that its index serves it
SELECT a.id, a.asset, a.kind, a.condition, a.severity, a.phase, a.onset_at, a.end_at, a.raised_at, a.reason, a.detail,
       a.evidence, a.rulebook, a.past, a.withdrawn, a.flapping, a.case_id
  FROM alerts a
 WHERE (%(asset)s::text IS NULL OR a.asset = %(asset)s)
   AND (%(condition)s::text IS NULL OR a.condition = %(condition)s)
   AND (%(severity)s::text IS NULL OR a.severity = %(severity)s)
   AND (%(phase)s::text IS NULL OR a.phase = %(phase)s)
   AND a.phase <> 'resolved' AND NOT a.withdrawn AND NOT a.past
   AND (%(after_at)s::timestamptz IS NULL OR (a.onset_at, a.id) < (%(after_at)s::timestamptz, %(after_id)s::uuid))
 ORDER BY a.onset_at DESC, a.id DESC
 LIMIT %(limit)s;

-- alert: one episode
SELECT id, asset, kind, condition, severity, phase, onset_at, end_at, raised_at, reason, detail,
       evidence, rulebook, past, withdrawn, flapping, case_id
  FROM alerts WHERE id = %(id)s::uuid;

-- alert_events: the changes of one episode in order
SELECT seq, change, at, reason, detail, evidence FROM alert_events WHERE alert_id = %(id)s::uuid ORDER BY seq;

-- case_alerts: the alerts that one case holds
SELECT id, asset, kind, condition, severity, phase, onset_at, end_at, raised_at, reason, detail,
       evidence, rulebook, past, withdrawn, flapping, case_id
  FROM alerts WHERE case_id = %(id)s::uuid ORDER BY onset_at, id LIMIT 500;

-- cases: newest first, after a cursor
SELECT c.id, c.asset, c.kind, c.cause, c.condition, c.severity, c.state, c.opened_at, c.closed_at, c.outcome, c.children
  FROM cases c
 WHERE (%(asset)s::text IS NULL OR c.asset = %(asset)s)
   AND (%(cause)s::text IS NULL OR c.cause = %(cause)s)
   AND (%(state)s::text IS NULL OR c.state = %(state)s)
   AND (%(after_at)s::timestamptz IS NULL OR (c.opened_at, c.id) < (%(after_at)s::timestamptz, %(after_id)s::uuid))
 ORDER BY c.opened_at DESC, c.id DESC
 LIMIT %(limit)s;

-- case: one case
SELECT id, asset, kind, cause, condition, severity, state, opened_at, closed_at, outcome, children, facts
  FROM cases WHERE id = %(id)s::uuid;

-- orders: newest first, after a cursor
SELECT o.id, o.number, o.case_id, o.unit, o.state, o.filing_item, o.limit_value, o.limit_unit, o.dispatched_at, o.due_at,
       o.overdue_at, o.closed_at, o.reworks, o.returns, o.reason,
       c.asset, c.kind, c.cause, c.condition, c.severity, c.children, c.outcome
  FROM orders o JOIN cases c ON c.id = o.case_id
 WHERE (%(asset)s::text IS NULL OR c.asset = %(asset)s)
   AND (%(unit)s::text IS NULL OR o.unit = %(unit)s)
   AND (%(state)s::text IS NULL OR o.state = %(state)s)
   AND (%(case)s::uuid IS NULL OR o.case_id = %(case)s::uuid)
   AND (NOT %(open)s::boolean OR o.state NOT IN ('closed', 'cancelled'))
   AND (NOT %(overdue)s::boolean OR o.overdue_at IS NOT NULL)
   AND (%(after_number)s::bigint IS NULL OR o.number < %(after_number)s::bigint)
 ORDER BY o.number DESC
 LIMIT %(limit)s;

-- order: one work order by its id
SELECT o.id, o.number, o.case_id, o.unit, o.state, o.filing_item, o.limit_value, o.limit_unit, o.dispatched_at, o.clock_from, o.due_at,
       o.overdue_at, o.closed_at, o.reworks, o.returns, o.reason, o.trail, o.explanation,
       o.trace ->> 'trace_id' AS trace,
       c.asset, c.kind, c.cause, c.condition, c.severity, c.children, c.outcome
  FROM orders o JOIN cases c ON c.id = o.case_id
 WHERE o.id = %(id)s::uuid;

-- order_by_number: the id of the work order with a number
SELECT id FROM orders WHERE number = %(number)s::bigint;

-- order_events: the moves of one order in order, with the hash chain
SELECT seq, event, from_state, to_state, at, actor, reason, detail, encode(prev_hash, 'hex') AS prev_hash, encode(hash, 'hex') AS hash
  FROM order_events WHERE order_id = %(id)s::uuid ORDER BY seq;

-- asset: one asset
SELECT id, kind, name, lat, lon, unit, district, cell, street_class, install_height_mm, depth_mm, pipe_diameter_mm,
       rated_power_w, feeder, cabinet, gateway, model, interval_s, schedule, provisional, feeder_pos,
       downstream, catchment, attributes
  FROM assets WHERE id = %(id)s;

-- asset_devices: the devices of one asset; open ends come as null
SELECT id, profile, nullif(valid_from, '-infinity'::timestamptz) AS valid_from,
       nullif(valid_to, 'infinity'::timestamptz) AS valid_to
  FROM devices WHERE asset = %(id)s ORDER BY id, devices.valid_from;

-- asset_readings: the newest readings of one asset
SELECT observed_at, max(received_at) AS received_at, coalesce(max(device), %(id)s) AS device, bit_and(quality) & 255 AS flags,
       bit_and(quality) >> 8 & 1 AS quality,
       coalesce(jsonb_object_agg(measure, CASE WHEN label IS NULL THEN to_jsonb(value) WHEN value IS NULL THEN to_jsonb(label)
                                               ELSE to_jsonb(value <> 0) END) FILTER (WHERE measure <> ''), '{}') AS measures
  FROM readings WHERE asset = %(id)s GROUP BY observed_at, message ORDER BY observed_at DESC, message DESC LIMIT %(limit)s;

-- units: every unit
SELECT id, name, name_zh, timezone, calendar FROM units ORDER BY id;

-- quarantine: newest first, after a cursor
SELECT id, topic, reason, detail, size, seen, first_at, last_at, retried_at, outcome, payload
  FROM quarantine
 WHERE (%(reason)s::text IS NULL OR reason = %(reason)s)
   AND (%(after_id)s::bigint IS NULL OR id < %(after_id)s::bigint)
 ORDER BY id DESC
 LIMIT %(limit)s;
