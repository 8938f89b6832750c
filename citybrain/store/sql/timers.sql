-- due: what is due: purposes of timers, `send` when a notice waits, modules that run now and then when their turn has come
SELECT DISTINCT purpose FROM timers WHERE next_at <= %(now)s
UNION ALL SELECT 'send' WHERE EXISTS (SELECT FROM outbox WHERE state = 'waiting' AND next_at <= %(machine_now)s AND hold_until <= %(now)s)
UNION ALL SELECT 'quiet' WHERE EXISTS (SELECT FROM silences WHERE state = 'planned' AND begins_at <= %(now)s)
                             OR EXISTS (SELECT FROM silences WHERE state = 'active' AND ends_at <= %(now)s)
UNION ALL SELECT 'duty' WHERE EXISTS (SELECT FROM duty_handovers WHERE next_at <= %(now)s)
UNION ALL SELECT 'canary' WHERE NOT EXISTS (SELECT FROM test_orders WHERE next_look > %(machine_now)s)
UNION ALL SELECT t.module FROM unnest(%(turns)s::text[]) AS t (module)
WHERE NOT EXISTS (SELECT FROM cycle_modules m WHERE m.module = t.module AND m.next_at > %(now)s);

-- claim: timers that are due, with their cases held; what somebody else holds is left for the next time.
-- The case alone is locked: it covers its timers
SELECT t.id, t.case_id, t.purpose, t.next_at, t.failures,
       c.asset, c.kind, c.cause, c.condition, c.severity, c.state, c.filing_item, c.group_key, c.opened_at, c.closed_at, c.outcome, c.children
FROM timers t JOIN cases c ON c.id = t.case_id
WHERE t.next_at <= %(now)s AND t.purpose = ANY (%(purposes)s)
ORDER BY t.next_at, t.id LIMIT %(limit)s
FOR UPDATE OF c SKIP LOCKED;

-- standing: which of the claimed timers are still due now that their cases are held
SELECT id FROM timers WHERE id = ANY (%(ids)s) AND next_at <= %(now)s;

-- set_all: many timers at once; the same one again moves it
INSERT INTO timers (id, case_id, purpose, next_at)
SELECT n.case_id || ':' || t.key, n.case_id::uuid, t.key, t.value::timestamptz
FROM jsonb_each(%(times)s) AS n (case_id, own), jsonb_each_text(n.own) AS t
ORDER BY 1
ON CONFLICT (id) DO UPDATE SET next_at = excluded.next_at, failures = 0;

-- set_alike: timers of many cases that have their purposes and times in common
INSERT INTO timers (id, case_id, purpose, next_at)
SELECT n.case_id || ':' || t.key, n.case_id::uuid, t.key, t.value::timestamptz
FROM jsonb_to_recordset(%(cases)s) AS n (case_id text, alike text)
JOIN jsonb_each(%(times)s) AS s (alike, own) USING (alike), jsonb_each_text(s.own) AS t
ORDER BY 1
ON CONFLICT (id) DO UPDATE SET next_at = excluded.next_at, failures = 0;

-- sooner: a timer that fires at the latest at a time
INSERT INTO timers (id, case_id, purpose, next_at) VALUES (%(id)s, %(case_id)s, %(purpose)s, %(next_at)s)
ON CONFLICT (id) DO UPDATE SET next_at = least(timers.next_at, excluded.next_at);

-- done: timers that have had their turn
DELETE FROM timers WHERE id = ANY (%(ids)s);

-- drop: the timers of some cases with some purposes
DELETE FROM timers WHERE case_id = ANY (%(cases)s::uuid[]) AND purpose = ANY (%(purposes)s);

-- postpone: a timer whose work failed comes again later
UPDATE timers SET next_at = %(next_at)s, failures = failures + 1 WHERE id = %(id)s;

-- of_case: the timers of a case
SELECT id, purpose, next_at, failures FROM timers WHERE case_id = %(case_id)s::uuid ORDER BY next_at;

-- savepoint: from here a failure of one timer undoes only its own work
SAVEPOINT timer;

-- rollback: undo since the savepoint
ROLLBACK TO SAVEPOINT timer;

-- release: keep what was done since the savepoint
RELEASE SAVEPOINT timer;

-- fence: true when no other cycle runs this module at the same time
SELECT pg_try_advisory_xact_lock(727277, hashtext(%(module)s)) AS ok;

-- limit_time: no statement of this transaction may run longer
SELECT set_config('statement_timeout', %(ms)s, true), set_config('lock_timeout', '2000', true);

-- turn: the module's turn has come, and the next one is set; nothing comes back when it has not
INSERT INTO cycle_modules AS m (module, next_at) VALUES (%(module)s, %(next_at)s)
ON CONFLICT (module) DO UPDATE SET next_at = excluded.next_at WHERE m.next_at <= %(now)s OR m.next_at > excluded.next_at
RETURNING module;

-- bring_forward: a module that runs now and then has its turn at a time at the latest
UPDATE cycle_modules SET next_at = %(at)s WHERE module = %(module)s AND next_at > %(at)s;
