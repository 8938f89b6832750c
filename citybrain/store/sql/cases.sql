-- claim_openings: wait until nobody else opens cases under the same keys; until the end of the transaction
SELECT count(pg_advisory_xact_lock(727276, k)) AS n FROM (SELECT DISTINCT unnest(%(keys)s::int[]) AS k ORDER BY 1) keys;

-- try_openings: the same without waiting; false when somebody else has one of the keys
SELECT coalesce(bool_and(pg_try_advisory_xact_lock(727276, k)), true) AS ok
FROM (SELECT DISTINCT unnest(%(keys)s::int[]) AS k ORDER BY 1) keys;

-- lock: open cases by id, by asset and cause, on assets, waiting for a group, or waiting below assets; locked in order of id
SELECT id, asset, kind, cause, condition, severity, state, filing_item, group_key, opened_at, children, parents, raised_at,
       lat, lon, facts
FROM cases
WHERE state <> 'closed' AND id IN (
    SELECT unnest(%(ids)s::uuid[])
    UNION SELECT c.id FROM cases c JOIN unnest(%(assets)s::text[]) AS a (asset) ON c.asset = a.asset WHERE c.state <> 'closed'
    UNION SELECT c.id FROM cases c WHERE c.state = 'gathering' AND c.group_key = ANY (%(keys)s::text[])
    UNION SELECT c.id FROM cases c WHERE c.state = 'gathering' AND c.parents && %(parents)s::text[]
    UNION SELECT c.id FROM cases c WHERE c.state <> 'closed' AND c.spot = ANY (%(spots)s::text[])
)
ORDER BY id FOR UPDATE;

-- lock_free: the same, without those that somebody else holds
SELECT id, asset, kind, cause, condition, severity, state, filing_item, group_key, opened_at, children, parents, raised_at,
       lat, lon, facts
FROM cases
WHERE state <> 'closed' AND id IN (
    SELECT unnest(%(ids)s::uuid[])
    UNION SELECT c.id FROM cases c JOIN unnest(%(assets)s::text[]) AS a (asset) ON c.asset = a.asset WHERE c.state <> 'closed'
    UNION SELECT c.id FROM cases c WHERE c.state = 'gathering' AND c.group_key = ANY (%(keys)s::text[])
    UNION SELECT c.id FROM cases c WHERE c.state = 'gathering' AND c.parents && %(parents)s::text[]
    UNION SELECT c.id FROM cases c WHERE c.state <> 'closed' AND c.spot = ANY (%(spots)s::text[])
)
ORDER BY id FOR UPDATE SKIP LOCKED;

-- hold: one case in any state, locked
SELECT id, asset, kind, cause, condition, severity, state, filing_item, group_key, opened_at, closed_at, outcome, children,
       parents, raised_at, lat, lon, facts
FROM cases WHERE id = %(id)s::uuid FOR UPDATE;

-- add: new cases
INSERT INTO cases (id, asset, kind, cause, condition, severity, state, opened_at, filing_item, group_key, parents, raised_at, lat,
                   lon, spot)
SELECT id, asset, kind, cause, condition, severity, state, opened_at, filing_item, group_key, parents, raised_at, lat, lon, spot
FROM jsonb_to_recordset(%(rows)s)
     AS n (id uuid, asset text, kind text, cause text, condition text, severity text, state text, opened_at timestamptz,
           filing_item text, group_key text, parents text[], raised_at timestamptz, lat float8, lon float8, spot text);

-- facts: what is known of a group
SELECT facts FROM cases WHERE id = %(id)s::uuid;

-- set_facts: what is known of a group
UPDATE cases SET facts = %(facts)s WHERE id = %(id)s::uuid;

-- open: a waiting case, or one for information, gets its order
UPDATE cases SET state = 'open', group_key = NULL, parents = '{}', filing_item = %(filing_item)s, condition = %(condition)s
WHERE id = %(id)s::uuid;

-- raise_severity: a graver alert joined
UPDATE cases SET severity = %(severity)s WHERE id = %(id)s::uuid;

-- close: a case is over
UPDATE cases SET state = 'closed', closed_at = %(at)s, outcome = %(outcome)s, group_key = NULL, parents = '{}'
WHERE id = ANY (%(ids)s::uuid[]) AND state <> 'closed';

-- count_children: how many other assets fell with the asset of a case
UPDATE cases c SET children = (SELECT count(DISTINCT a.asset) FROM alerts a
                               WHERE a.case_id = c.id AND a.asset <> c.asset AND NOT a.withdrawn)
WHERE c.id = ANY (%(ids)s::uuid[]);
