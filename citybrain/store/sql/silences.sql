-- add: a silence; the same one again changes nothing
INSERT INTO silences (id, sort, matchers, scope, author, reason, approver, reference, created_at, begins_at, ends_at,
                      until_resolved, recurrence, asset, condition)
VALUES (%(id)s, %(sort)s, %(matchers)s, %(scope)s, %(author)s, %(reason)s, %(approver)s, %(reference)s, %(created_at)s,
        %(begins_at)s, %(ends_at)s, %(until_resolved)s, %(recurrence)s, %(asset)s, %(condition)s)
ON CONFLICT DO NOTHING;

-- stamp: which silences are in force now, as one word; and whether the turn of a window is over that nobody has set anew
SELECT count(*) AS n, coalesce(md5(string_agg(concat(id, revision, extract(epoch FROM ends_at)), ',' ORDER BY id)), '') AS stamp,
       coalesce(bool_or(ends_at <= %(now)s), false) AS stale
FROM silences
WHERE state <> 'ended' AND begins_at <= %(now)s AND (ends_at IS NULL OR ends_at > %(now)s OR recurrence IS NOT NULL);

-- in_force: the silences that hold now, and windows that may
SELECT id, number, sort, state, matchers, scope, author, reason, approver, reference, begins_at, ends_at, until_resolved, recurrence, revision
FROM silences
WHERE state <> 'ended' AND begins_at <= %(now)s AND (ends_at IS NULL OR ends_at > %(now)s OR recurrence IS NOT NULL);

-- beginning: silences whose turn has come, held; what somebody else holds is left for the next time
SELECT id, number, sort, state, matchers, scope, author, reason, approver, reference, begins_at, ends_at, until_resolved, recurrence, revision
FROM silences WHERE state = 'planned' AND begins_at <= %(now)s
ORDER BY begins_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED;

-- ending: silences whose time is over, held
SELECT id, number, sort, state, matchers, scope, author, reason, approver, reference, begins_at, ends_at, until_resolved, recurrence, revision,
       ended_by
FROM silences WHERE state = 'active' AND ends_at <= %(now)s
ORDER BY ends_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED;

-- set_state: a silence goes on
UPDATE silences SET state = %(state)s, begins_at = coalesce(%(begins_at)s, begins_at), ends_at = coalesce(%(ends_at)s, ends_at),
    ended_at = CASE WHEN %(state)s = 'ended' THEN coalesce(ended_at, ends_at) END, revision = revision + 1
WHERE id = %(id)s;

-- expire: somebody ends a silence; one that has not begun is over at once, of one that holds the cycle looks after what it hid
UPDATE silences SET
    state = CASE WHEN begins_at > %(now)s AND state = 'planned' THEN 'ended' ELSE state END,
    ends_at = CASE WHEN begins_at > %(now)s AND state = 'planned' THEN ends_at ELSE least(ends_at, %(now)s) END,
    ended_at = %(now)s, ended_by = %(by)s, ended_reason = %(reason)s, revision = revision + 1
WHERE id = %(id)s AND state <> 'ended' AND ended_by IS NULL;

-- resolved: silences until an alert is over end when it is
UPDATE silences s SET ends_at = %(now)s, ended_at = %(now)s, ended_by = 'sensor', ended_reason = 'resolved', revision = revision + 1
FROM jsonb_to_recordset(%(keys)s) AS k (asset text, condition text)
WHERE s.asset = k.asset AND s.condition = k.condition AND s.until_resolved AND s.state <> 'ended' AND s.ended_by IS NULL
  AND s.begins_at <= %(now)s
  AND NOT EXISTS (SELECT FROM alerts a WHERE a.asset = k.asset AND a.condition = k.condition
                  AND a.phase <> 'resolved' AND NOT a.withdrawn AND NOT a.past);

-- get: one silence by its id
SELECT id, number, sort, state, matchers, scope, author, reason, approver, reference, created_at, begins_at, ends_at, until_resolved,
       recurrence, asset, condition, ended_at, ended_by, ended_reason, revision
FROM silences WHERE id = %(id)s::uuid;

-- by_number: the id of the silence with a number
SELECT id FROM silences WHERE number = %(number)s::bigint;

-- by_reference: the id of the works with a reference
SELECT id FROM silences WHERE reference = %(reference)s;

-- listed: silences, those that end first first; what is over comes last
SELECT s.id, s.number, s.sort, s.state, s.matchers, s.scope, s.author, s.reason, s.approver, s.reference, s.created_at, s.begins_at,
       s.ends_at, s.until_resolved, s.recurrence, s.asset, s.condition, s.ended_at, s.ended_by, s.ended_reason,
       (SELECT count(*) FROM mutes m JOIN cases c ON c.id = m.case_id WHERE m.silence_id = s.id AND c.state <> 'closed') AS muted
FROM silences s
WHERE (%(sorts)s::text[] IS NULL OR s.sort = ANY (%(sorts)s)) AND (%(ended)s::boolean OR s.state <> 'ended')
ORDER BY s.state = 'ended', coalesce(s.ends_at, 'infinity'), s.number DESC LIMIT %(limit)s;

-- muted_by: the open cases that a silence mutes
SELECT c.id, c.asset, c.condition, c.severity, c.state, m.since, o.number AS order, o.state AS order_state
FROM mutes m JOIN cases c ON c.id = m.case_id
LEFT JOIN orders o ON o.case_id = c.id AND o.state NOT IN ('closed', 'cancelled')
WHERE m.silence_id = %(id)s::uuid AND c.state <> 'closed' ORDER BY m.since, c.id LIMIT %(limit)s;

-- mute: cases that a silence covers now; another silence may take them over
INSERT INTO mutes (case_id, silence_id, since)
SELECT e.case_id, e.silence_id, %(at)s FROM jsonb_to_recordset(%(rows)s) AS e (case_id uuid, silence_id uuid)
ON CONFLICT (case_id) DO UPDATE SET silence_id = excluded.silence_id;

-- unmute: a case is heard again
DELETE FROM mutes WHERE case_id = ANY (%(cases)s::uuid[]);

-- mutes: the silences over some cases; the caller holds these
SELECT m.case_id, m.silence_id, m.since, m.held, s.number, s.sort, s.author, s.reason, s.ends_at, c.state AS case_state
FROM mutes m JOIN silences s ON s.id = m.silence_id JOIN cases c ON c.id = m.case_id WHERE m.case_id = ANY (%(cases)s::uuid[]);

-- muted_orders: the silences over some orders; one that is over mutes until its cases were looked at
SELECT o.id, s.number, s.sort, s.author, s.reason, s.ends_at
FROM orders o JOIN mutes m ON m.case_id = o.case_id JOIN silences s ON s.id = m.silence_id WHERE o.id = ANY (%(orders)s::uuid[]);

-- hold_back: timers of a muted case that came due are kept for the end of the silence
UPDATE mutes SET held = (SELECT array_agg(DISTINCT each ORDER BY each) FROM unnest(held || %(purpose)s::text) AS each)
WHERE case_id = %(case_id)s::uuid;

-- cases_of: the open cases that some silences mute
SELECT m.case_id, m.silence_id FROM mutes m JOIN cases c ON c.id = m.case_id AND c.state <> 'closed'
WHERE m.silence_id = ANY (%(silences)s::uuid[]) ORDER BY m.case_id;

-- unmute_closed: cases that ended while they were muted
DELETE FROM mutes m USING cases c WHERE c.id = m.case_id AND c.state = 'closed';

-- hide: no sibling counts a waiting case any more
UPDATE cases SET group_key = %(key)s WHERE id = %(id)s::uuid AND state = 'gathering';

-- open_on: open cases on some assets and on what hangs on them
SELECT c.id, c.asset, c.kind, c.condition, c.severity, c.state FROM cases c LEFT JOIN assets a ON a.id = c.asset
WHERE c.state <> 'closed' AND (c.asset = ANY (%(assets)s) OR a.cabinet = ANY (%(assets)s) OR a.feeder = ANY (%(assets)s)
                               OR a.gateway = ANY (%(assets)s));

-- open_all: all open cases
SELECT id, asset, kind, condition, severity, state FROM cases WHERE state <> 'closed';

-- notices_again: the end of a silence: notices of an order that it held, or that came while it did and nobody has looked at, are
-- looked at now; of those of one clock to one target the newest alone
WITH ranked AS (
    SELECT id, row_number() OVER (PARTITION BY target, purpose LIKE 'safe%%' ORDER BY created_at DESC, id) AS place
    FROM outbox WHERE order_id = %(order_id)s::uuid AND state = 'waiting' AND (reason = 'muted' OR created_at >= %(since)s)
), older AS (
    UPDATE outbox o SET state = 'dropped', reason = 'superseded', done_at = %(now)s FROM ranked r WHERE o.id = r.id AND r.place > 1
    RETURNING o.id
), noted AS (
    INSERT INTO deliveries (outbox_id, at, ok, reason, detail, outcome)
    SELECT id, %(now)s, false, 'superseded', 'a later notice says more', 'dropped' FROM older
)
UPDATE outbox o SET hold_until = CASE WHEN o.reason = 'muted' THEN 'epoch' ELSE o.hold_until END,
    next_at = CASE WHEN o.reason = 'muted' THEN 'epoch' ELSE o.next_at END,
    reason = CASE WHEN o.reason = 'muted' THEN '' ELSE o.reason END
FROM ranked r WHERE o.id = r.id AND r.place = 1;

-- counts: silences by sort and state, those that are over left out
SELECT sort, state, count(*) AS n FROM silences WHERE state <> 'ended' GROUP BY sort, state;

-- muted_counts: open cases that are muted, by the sort of the silence, and the live alerts in them
SELECT s.sort, count(DISTINCT c.id) AS cases, count(a.id) AS alerts
FROM mutes m JOIN silences s ON s.id = m.silence_id JOIN cases c ON c.id = m.case_id AND c.state <> 'closed'
LEFT JOIN alerts a ON a.case_id = c.id AND a.phase <> 'resolved' AND NOT a.withdrawn AND NOT a.past
GROUP BY s.sort;

-- held_notices: notices that wait for the end of a silence
SELECT count(*) AS n FROM outbox WHERE state = 'waiting' AND reason = 'muted';

-- move: works of a list that was imported again; what has begun keeps its beginning and its place
UPDATE silences SET author = %(author)s, reason = %(reason)s, ends_at = %(ends_at)s, revision = revision + 1,
    begins_at = CASE WHEN state = 'planned' THEN %(begins_at)s ELSE begins_at END,
    scope = CASE WHEN state = 'planned' THEN %(scope)s ELSE scope END
WHERE reference = %(reference)s AND state <> 'ended' AND ended_by IS NULL
  AND ((author, reason, ends_at) IS DISTINCT FROM (%(author)s, %(reason)s, %(ends_at)s::timestamptz)
       OR (state = 'planned' AND (begins_at, scope) IS DISTINCT FROM (%(begins_at)s::timestamptz, %(scope)s::jsonb)));

-- covered: how many assets of the register planned works cover, a drawn area aside
SELECT count(*) AS n FROM assets
WHERE (%(asset)s::text IS NULL OR id = %(asset)s OR cabinet = %(asset)s OR feeder = %(asset)s OR gateway = %(asset)s)
  AND (%(feeder)s::text IS NULL OR feeder = %(feeder)s) AND (%(district)s::text IS NULL OR district = %(district)s)
  AND (%(cell)s::text IS NULL OR cell = %(cell)s)
  AND (%(street)s::text IS NULL OR lower(attributes ->> 'street') = lower(%(street)s));
