-- record: changes of episodes; only those that were not known come back
INSERT INTO alert_events (alert_id, change, at, reason, detail, evidence)
SELECT e.alert_id, e.change, e.at, e.reason, e.detail, e.evidence
FROM jsonb_to_recordset(%(events)s)
     AS e (alert_id uuid, change text, at timestamptz, reason text, detail text, evidence jsonb, n bigint)
ORDER BY e.n
ON CONFLICT (alert_id, change, at, reason, md5(detail)) DO NOTHING
RETURNING alert_id, change, at, reason, detail;

-- supersede: an episode that still counts as live although its asset and condition have a new one ends where that begins
WITH newcomers AS (
    SELECT e.id, e.asset, e.condition, e.onset_at, e.changed_at FROM jsonb_to_recordset(%(alerts)s)
           AS e (id uuid, asset text, condition text, onset_at timestamptz, changed_at timestamptz)
), ended AS (
    UPDATE alerts a SET phase = 'resolved', end_at = greatest(a.onset_at, n.onset_at), changed_at = n.changed_at
    FROM newcomers n
    WHERE a.asset = n.asset AND a.condition = n.condition AND a.id <> n.id AND a.phase <> 'resolved' AND NOT a.withdrawn
    RETURNING a.id, a.changed_at, a.case_id
), noted AS (
    INSERT INTO alert_events (alert_id, change, at, reason)
    SELECT id, 'resolved', changed_at, 'superseded' FROM ended
    ON CONFLICT DO NOTHING
)
SELECT id, case_id FROM ended;

-- save: the episodes as they stand now; NULL leaves a column as it is. The new ones come back: `tell` has nothing to add to them
INSERT INTO alerts AS a (id, asset, kind, condition, severity, phase, onset_at, end_at, raised_at, changed_at, reason, detail,
                         evidence, rulebook, past, withdrawn, flapping, trace)
SELECT e.id, e.asset, e.kind, e.condition, e.severity, e.phase, e.onset_at, e.end_at, e.raised_at, e.changed_at,
       e.reason, e.detail, e.evidence, e.rulebook, coalesce(e.past, false), coalesce(e.withdrawn, false), coalesce(e.flapping, false),
       coalesce(e.trace, '')
FROM jsonb_to_recordset(%(alerts)s)
     AS e (id uuid, asset text, kind text, condition text, severity text, phase text, onset_at timestamptz, end_at timestamptz,
           raised_at timestamptz, changed_at timestamptz, reason text, detail text, evidence jsonb, rulebook text, past boolean,
           withdrawn boolean, flapping boolean, trace text)
ORDER BY e.id
ON CONFLICT (id) DO UPDATE
SET severity = excluded.severity, phase = excluded.phase, onset_at = excluded.onset_at, end_at = excluded.end_at,
    changed_at = greatest(a.changed_at, excluded.changed_at), rulebook = excluded.rulebook,
    withdrawn = excluded.withdrawn, flapping = a.flapping OR excluded.flapping
RETURNING id, (xmax = 0) AS new;

-- tell: the reason and evidence that an episode was raised, added or amended with; past NULL leaves that as it is, and the
-- first trace stays
UPDATE alerts a SET reason = e.reason, detail = e.detail, evidence = e.evidence, past = coalesce(e.past, a.past),
       trace = CASE WHEN a.trace = '' THEN coalesce(e.trace, '') ELSE a.trace END
FROM jsonb_to_recordset(%(alerts)s) AS e (id uuid, reason text, detail text, evidence jsonb, past boolean, trace text)
WHERE a.id = e.id;

-- memberships: the case that each of some alerts belongs to, and how that case stands
SELECT a.id, a.case_id, a.past, a.phase, a.withdrawn, c.state AS case_state, c.outcome AS case_outcome
FROM alerts a LEFT JOIN cases c ON c.id = a.case_id WHERE a.id = ANY (%(ids)s::uuid[]);

-- assign: put alerts into cases
UPDATE alerts a SET case_id = e.case_id
FROM jsonb_to_recordset(%(rows)s) AS e (id uuid, case_id uuid) WHERE a.id = e.id;

-- adopt: the alerts of waiting cases go to the case that takes them up
UPDATE alerts SET case_id = %(parent)s::uuid WHERE case_id = ANY (%(cases)s::uuid[]) RETURNING id;

-- of_cases: the alerts of some cases that did happen, oldest first
SELECT id, asset, kind, condition, severity, phase, onset_at, changed_at, case_id, trace
FROM alerts WHERE case_id = ANY (%(cases)s::uuid[]) AND NOT withdrawn AND NOT past ORDER BY onset_at, id;

-- note: what dispatch did with alerts, in the history of each
INSERT INTO alert_events (alert_id, change, at, reason, detail)
SELECT e.alert_id, e.change, %(at)s, e.reason, e.detail
FROM jsonb_to_recordset(%(rows)s) AS e (alert_id uuid, change text, reason text, detail text)
ON CONFLICT DO NOTHING;
