-- stamp: is what a process holds still right
SELECT stamp FROM people_state;

-- bump: a new stamp; holds the row, so that changes come one after the other
UPDATE people_state SET stamp = gen_random_uuid() RETURNING stamp;

-- people: everybody, also those who are not in the file any more
SELECT id, name, name_zh, language, timezone, active FROM people ORDER BY id;

-- contacts: all contacts
SELECT person, target, language FROM person_contacts ORDER BY person, position;

-- teams: all teams
SELECT id, unit, name, name_zh FROM teams ORDER BY id;

-- team_members: their members
SELECT team, person, valid_from, valid_to FROM team_members ORDER BY team, position;

-- schedules: all schedules
SELECT id, unit, name, name_zh, timezone FROM schedules ORDER BY id;

-- layers: their layers
SELECT schedule, id, rotation, every, handoffs, starts, hours FROM schedule_layers ORDER BY schedule, id;

-- layer_members: the members of rotations in the order of turns
SELECT schedule, layer, person, valid_from, valid_to FROM layer_members ORDER BY schedule, layer, position;

-- entries: shifts of imported calendars
SELECT schedule, layer, person, starts, ends, uid FROM duty_entries ORDER BY schedule, layer, starts, person;

-- overrides: those that were not withdrawn
SELECT id, schedule, layer, person, instead_of, starts, ends, reason, created_by, created_at
FROM duty_overrides WHERE withdrawn_at IS NULL ORDER BY schedule, starts, id;

-- leaves: those that were not withdrawn
SELECT id, person, starts, ends, reason, created_by, created_at
FROM duty_leaves WHERE withdrawn_at IS NULL ORDER BY person, starts, id;

-- policies: all policies
SELECT id, unit, severities, repeat_times, repeat_s, remind_s FROM escalation_policies ORDER BY id;

-- steps: their steps
SELECT policy, step, after_s, targets FROM escalation_steps ORDER BY policy, step;

-- retire_people: everybody who is not in the file any more keeps the place in history only
UPDATE people SET active = false WHERE active AND id <> ALL (%(ids)s);

-- save_person: one person
INSERT INTO people (id, name, name_zh, language, timezone) VALUES (%(id)s, %(name)s, %(name_zh)s, %(language)s, %(timezone)s)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_zh = excluded.name_zh, language = excluded.language,
    timezone = excluded.timezone, active = true;

-- clear_contacts: the file gives them anew
DELETE FROM person_contacts;

-- save_contact: one contact
INSERT INTO person_contacts (person, position, target, language) VALUES (%(person)s, %(position)s, %(target)s, %(language)s);

-- drop_teams: teams that are not in the file any more
DELETE FROM teams WHERE id <> ALL (%(ids)s);

-- save_team: one team
INSERT INTO teams (id, unit, name, name_zh) VALUES (%(id)s, %(unit)s, %(name)s, %(name_zh)s)
ON CONFLICT (id) DO UPDATE SET unit = excluded.unit, name = excluded.name, name_zh = excluded.name_zh;

-- clear_team_members: the file gives them anew
DELETE FROM team_members;

-- save_team_member: one member
INSERT INTO team_members (team, position, person, valid_from, valid_to)
VALUES (%(team)s, %(position)s, %(person)s, %(valid_from)s, %(valid_to)s);

-- drop_schedules: schedules that are not in the file any more, with their overrides and entries
DELETE FROM schedules WHERE id <> ALL (%(ids)s);

-- save_schedule: one schedule
INSERT INTO schedules (id, unit, name, name_zh, timezone) VALUES (%(id)s, %(unit)s, %(name)s, %(name_zh)s, %(timezone)s)
ON CONFLICT (id) DO UPDATE SET unit = excluded.unit, name = excluded.name, name_zh = excluded.name_zh, timezone = excluded.timezone;

-- clear_layers: the file gives them anew; what was imported from calendars stays
DELETE FROM schedule_layers;

-- save_layer: one layer
INSERT INTO schedule_layers (schedule, id, rotation, every, handoffs, starts, hours)
VALUES (%(schedule)s, %(id)s, %(rotation)s, %(every)s, %(handoffs)s, %(starts)s, %(hours)s);

-- save_layer_member: one member of a rotation
INSERT INTO layer_members (schedule, layer, position, person, valid_from, valid_to)
VALUES (%(schedule)s, %(layer)s, %(position)s, %(person)s, %(valid_from)s, %(valid_to)s);

-- clear_policies: the file gives them anew
DELETE FROM escalation_policies;

-- save_policy: one policy
INSERT INTO escalation_policies (id, unit, severities, repeat_times, repeat_s, remind_s)
VALUES (%(id)s, %(unit)s, %(severities)s, %(repeat_times)s, %(repeat_s)s, %(remind_s)s);

-- save_step: one step
INSERT INTO escalation_steps (policy, step, after_s, targets) VALUES (%(policy)s, %(step)s, %(after_s)s, %(targets)s);

-- last_import: the newest version of the file that was taken over
SELECT version, digest, at, actor, file FROM people_imports ORDER BY version DESC LIMIT 1;

-- add_import: one more version
INSERT INTO people_imports (at, actor, file, digest, report)
VALUES (%(at)s, %(actor)s, %(file)s, %(digest)s, %(report)s) RETURNING version;

-- add_override: somebody instead of somebody; the same one again changes nothing, or counts again
INSERT INTO duty_overrides (id, schedule, layer, person, instead_of, starts, ends, reason, created_by, created_at)
VALUES (%(id)s, %(schedule)s, %(layer)s, %(person)s, %(instead_of)s, %(starts)s, %(ends)s, %(reason)s, %(created_by)s, %(created_at)s)
ON CONFLICT (id) DO UPDATE SET withdrawn_by = NULL, withdrawn_at = NULL WHERE duty_overrides.withdrawn_at IS NOT NULL;

-- add_leave: somebody is away; the same one again changes nothing, or counts again
INSERT INTO duty_leaves (id, person, starts, ends, reason, created_by, created_at)
VALUES (%(id)s, %(person)s, %(starts)s, %(ends)s, %(reason)s, %(created_by)s, %(created_at)s)
ON CONFLICT (id) DO UPDATE SET withdrawn_by = NULL, withdrawn_at = NULL WHERE duty_leaves.withdrawn_at IS NOT NULL;

-- withdraw_override: an override that shall not count
UPDATE duty_overrides SET withdrawn_by = %(actor)s, withdrawn_at = %(at)s WHERE id = %(id)s::uuid AND withdrawn_at IS NULL;

-- withdraw_leave: a leave that shall not count
UPDATE duty_leaves SET withdrawn_by = %(actor)s, withdrawn_at = %(at)s WHERE id = %(id)s::uuid AND withdrawn_at IS NULL;

-- clear_entries: shifts of a layer that begin within a span; a calendar gives them anew
DELETE FROM duty_entries WHERE schedule = %(schedule)s AND layer = %(layer)s AND starts >= %(begin)s AND starts < %(end)s;

-- add_entry: a shift of a calendar
INSERT INTO duty_entries (schedule, layer, person, starts, ends, uid)
VALUES (%(schedule)s, %(layer)s, %(person)s, %(starts)s, %(ends)s, %(uid)s)
ON CONFLICT (schedule, layer, person, starts) DO UPDATE SET ends = excluded.ends, uid = excluded.uid;

-- look_again: duties may change from now on: their timers fire at once
INSERT INTO duty_handovers (schedule, next_at) SELECT id, %(now)s FROM schedules
ON CONFLICT (schedule) DO UPDATE SET next_at = least(duty_handovers.next_at, excluded.next_at);
