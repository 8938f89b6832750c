-- on: the storms that are on
SELECT id, district, began_at, calm_since, cases, capacity, reason FROM storms WHERE ended_at IS NULL ORDER BY district;

-- load: by district, the open cases that crews have before them, without planned ones, which can wait; of a catchment in a storm
-- each of its drains counts
SELECT a.district, count(*) AS n FROM (
    SELECT c.asset FROM cases c JOIN orders o ON o.case_id = c.id
    WHERE c.state = 'open' AND c.cause <> %(cause)s AND NOT starts_with(c.condition, 'PLAN-') AND o.state IN ('dispatched', 'acknowledged', 'on_site', 'rework', 'returned')
    UNION ALL
    SELECT DISTINCT al.asset FROM alerts al JOIN cases c ON c.id = al.case_id
    WHERE c.state = 'open' AND c.cause = %(cause)s AND al.phase <> 'resolved' AND NOT al.withdrawn AND NOT al.past
) busy JOIN assets a ON a.id = busy.asset WHERE a.district IS NOT NULL GROUP BY a.district;

-- begin: a storm begins; nothing comes back when one is on already
INSERT INTO storms (id, district, began_at, cases, capacity, reason)
VALUES (%(id)s, %(district)s, %(at)s, %(cases)s, %(capacity)s, %(reason)s)
ON CONFLICT DO NOTHING RETURNING id;

-- step: how a storm stands
UPDATE storms SET calm_since = %(calm_since)s, ended_at = %(ended_at)s, reason = %(reason)s WHERE id = %(id)s AND ended_at IS NULL;

-- untouched: open cases of drains in stormy districts whose order nobody has taken yet, by the catchment of the drain
SELECT c.id, c.asset, a.catchment
FROM cases c JOIN assets a ON a.id = c.asset JOIN orders o ON o.case_id = c.id
WHERE c.state = 'open' AND o.state = 'dispatched' AND a.district = ANY (%(districts)s::text[]) AND a.catchment IS NOT NULL
  AND c.kind = ANY (%(kinds)s::text[]) AND c.cause = ANY (%(causes)s::text[])
ORDER BY a.catchment, c.id LIMIT %(limit)s;

-- catchments: open cases of catchments
SELECT id, asset FROM cases WHERE state = 'open' AND cause = %(cause)s ORDER BY id;

-- room: the newest freeboard of some assets, mm, not older than a moment
SELECT DISTINCT ON (asset) asset, value FROM readings
WHERE asset = ANY (%(assets)s::text[]) AND measure = 'freeboard_mm' AND observed_at >= %(since)s AND value IS NOT NULL
ORDER BY asset, observed_at DESC;

-- unrank: ranks of a case that are made anew
DELETE FROM storm_ranks WHERE case_id = %(case_id)s::uuid;

-- rank: the places of assets within their case
INSERT INTO storm_ranks (case_id, asset, rank, points, why, at)
SELECT %(case_id)s::uuid, e.asset, e.rank, e.points, e.why, %(at)s
FROM jsonb_to_recordset(%(ranks)s) AS e (asset text, rank integer, points double precision, why jsonb);

-- ranks: the order in which the drains of a case are worked on
SELECT asset, rank, points, why, at FROM storm_ranks WHERE case_id = %(case_id)s::uuid ORDER BY rank;

-- all: storms, newest first
SELECT id, district, began_at, calm_since, ended_at, cases, capacity, reason FROM storms ORDER BY began_at DESC LIMIT %(limit)s;
