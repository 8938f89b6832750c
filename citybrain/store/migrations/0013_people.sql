-- People: who is on duty when, and who is told in which order.
-- What the file people.yml says is replaced as a whole by its import; overrides, leaves and entries of calendars are rows of their own.

CREATE TABLE people (
    id       text PRIMARY KEY,
    name     text    NOT NULL,
    name_zh  text    NOT NULL DEFAULT '',
    language text    CHECK (language IN ('en', 'zh')),   -- NULL: that of the city
    timezone text    NOT NULL DEFAULT 'UTC',
    active   boolean NOT NULL DEFAULT true               -- false: not in the file any more; never on duty, never told
);
COMMENT ON TABLE people IS 'Kept for good: history names them.';

CREATE TABLE person_contacts (
    person   text    NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    position integer NOT NULL,
    target   text    NOT NULL,           -- a contact URL; its scheme chooses the channel
    language text    CHECK (language IN ('en', 'zh')),
    PRIMARY KEY (person, position)
);
COMMENT ON TABLE person_contacts IS 'All contacts of a person are told; limits and quiet hours are the business of who sends.';

CREATE TABLE teams (
    id      text PRIMARY KEY,
    unit    text NOT NULL DEFAULT '',    -- a unit of the register
    name    text NOT NULL,
    name_zh text NOT NULL DEFAULT ''
);
COMMENT ON TABLE teams IS 'Several people who are told together.';

CREATE TABLE team_members (
    team       text    NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    position   integer NOT NULL,
    person     text    NOT NULL REFERENCES people (id),
    valid_from timestamptz,              -- NULL: always was
    valid_to   timestamptz,              -- NULL: until further notice
    PRIMARY KEY (team, position),
    CHECK (valid_from < valid_to)
);
COMMENT ON TABLE team_members IS 'Effective-dated: somebody may join next month, or leave at its end.';

CREATE TABLE schedules (
    id       text PRIMARY KEY,
    unit     text NOT NULL DEFAULT '',
    name     text NOT NULL,
    name_zh  text NOT NULL DEFAULT '',
    timezone text NOT NULL
);
COMMENT ON TABLE schedules IS 'A duty: on duty are the people of all its layers.';

CREATE TABLE schedule_layers (
    schedule text    NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    id       text    NOT NULL,
    rotation text    NOT NULL CHECK (rotation IN ('daily', 'weekly', 'custom', 'calendar')),
    every    integer NOT NULL CHECK (every BETWEEN 1 AND 366),
    handoffs integer[] NOT NULL,         -- minutes from the beginning of the day, or of the week on Monday
    starts   date,                       -- the first turn begins with the first hand-over from this day on
    hours    jsonb   NOT NULL DEFAULT '[]',  -- [{weekdays, begin, end}]: when the layer counts; none: always
    PRIMARY KEY (schedule, id),
    CHECK ((rotation = 'calendar') = (starts IS NULL))
);
COMMENT ON TABLE schedule_layers IS 'A rotation of some people, or the entries of a calendar.';

CREATE TABLE layer_members (
    schedule   text    NOT NULL,
    layer      text    NOT NULL,
    position   integer NOT NULL,         -- in the order of turns
    person     text    NOT NULL REFERENCES people (id),
    valid_from timestamptz,
    valid_to   timestamptz,
    PRIMARY KEY (schedule, layer, position),
    FOREIGN KEY (schedule, layer) REFERENCES schedule_layers (schedule, id) ON DELETE CASCADE,
    CHECK (valid_from < valid_to)
);
COMMENT ON TABLE layer_members IS 'Effective-dated: the turns of the others do not move when somebody joins or leaves.';

CREATE TABLE duty_entries (
    schedule text        NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    layer    text        NOT NULL,
    person   text        NOT NULL REFERENCES people (id),
    starts   timestamptz NOT NULL,
    ends     timestamptz NOT NULL,
    uid      text        NOT NULL DEFAULT '',  -- of the event in the calendar
    PRIMARY KEY (schedule, layer, person, starts),
    CHECK (starts < ends)
);
COMMENT ON TABLE duty_entries IS 'Shifts from an imported calendar, for layers with rotation calendar.';

CREATE TABLE duty_overrides (
    id           uuid PRIMARY KEY,
    schedule     text        NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    layer        text        NOT NULL DEFAULT '',  -- '': all layers of the schedule
    person       text        NOT NULL REFERENCES people (id),
    instead_of   text        REFERENCES people (id),  -- NULL: whoever it would be
    starts       timestamptz NOT NULL,
    ends         timestamptz NOT NULL,
    reason       text        NOT NULL DEFAULT '',
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL,
    withdrawn_by text,
    withdrawn_at timestamptz,
    CHECK (starts < ends),
    CHECK (person <> instead_of)
);
COMMENT ON TABLE duty_overrides IS 'X instead of Y from a time to a time; withdrawn ones stay for the record.';

CREATE TABLE duty_leaves (
    id           uuid PRIMARY KEY,
    person       text        NOT NULL REFERENCES people (id),
    starts       timestamptz NOT NULL,
    ends         timestamptz NOT NULL,
    reason       text        NOT NULL DEFAULT '',
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL,
    withdrawn_by text,
    withdrawn_at timestamptz,
    CHECK (starts < ends)
);
COMMENT ON TABLE duty_leaves IS 'Absence: the next of the rotation stands in.';

CREATE TABLE escalation_policies (
    id            text PRIMARY KEY,
    unit          text    NOT NULL DEFAULT '',     -- '': every unit
    severities    text[]  NOT NULL DEFAULT '{}',   -- none: every severity
    repeat_times  integer NOT NULL DEFAULT 0 CHECK (repeat_times BETWEEN 0 AND 20),
    repeat_s      double precision NOT NULL DEFAULT 0 CHECK (repeat_s >= 0),
    remind_s      double precision NOT NULL DEFAULT 0 CHECK (remind_s >= 0)  -- who was told is told again so often; 0: no
);
COMMENT ON TABLE escalation_policies IS 'Who is told, step by step, until somebody acknowledges. A unit without one keeps the ladder of its contacts.';

CREATE TABLE escalation_steps (
    policy  text    NOT NULL REFERENCES escalation_policies (id) ON DELETE CASCADE,
    step    integer NOT NULL CHECK (step >= 0),
    after_s double precision NOT NULL CHECK (after_s >= 0),  -- after the step before it
    targets text[]  NOT NULL,            -- person:ID, schedule:ID, team:ID, unit, lead, supervisor, or a contact URL
    PRIMARY KEY (policy, step)
);
COMMENT ON TABLE escalation_steps IS 'A step with nobody on duty is skipped at once.';

CREATE TABLE escalations (
    order_id  uuid PRIMARY KEY REFERENCES orders (id),
    policy    text        NOT NULL,
    step      integer     NOT NULL,      -- the step that was told last; -1: none yet
    round     integer     NOT NULL DEFAULT 0,
    reminded  integer     NOT NULL DEFAULT 0,
    began_at  timestamptz NOT NULL,
    told_at   timestamptz,
    ended_at  timestamptz,
    ended     text        NOT NULL DEFAULT '',     -- why: acknowledged, no_more_steps, …
    CHECK ((ended_at IS NULL) = (ended = ''))
);
COMMENT ON TABLE escalations IS 'How far the policy of an order has come; when is in timers (escalate, repeat).';

CREATE TABLE duty_handovers (
    schedule text PRIMARY KEY REFERENCES schedules (id) ON DELETE CASCADE,
    on_duty  text[],                     -- who was on duty when this was told the last time; NULL: it never was
    next_at  timestamptz NOT NULL        -- when to look again, city time
);
COMMENT ON TABLE duty_handovers IS 'A timer for each schedule: at a change of duty both sides are told.';
CREATE INDEX duty_handovers_next ON duty_handovers (next_at);

CREATE TABLE people_imports (
    version integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL,
    actor   text        NOT NULL,
    file    text        NOT NULL,
    digest  text        NOT NULL,        -- sha-256 of what the file said
    report  jsonb       NOT NULL
);
COMMENT ON TABLE people_imports IS 'The versions of people.yml that were taken over.';

-- One row, taken first by every change: so changes come one after the other. The stamp is new with each of them; a process
-- that holds people with another stamp reads them again.
CREATE TABLE people_state (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    stamp uuid                           -- NULL: nobody was ever imported
);
INSERT INTO people_state DEFAULT VALUES;
COMMENT ON TABLE people_state IS 'Says in one small query whether people, duties or policies have changed.';

-- how often steps were told, and how often nobody was there
CREATE INDEX order_events_steps ON order_events (event) WHERE event IN ('escalated', 'nobody_to_tell');

ALTER TABLE outbox ADD COLUMN person text, ADD COLUMN step integer, ADD COLUMN severity text;
COMMENT ON COLUMN outbox.person IS 'the person whose contact the target is; NULL: a contact of a unit';
COMMENT ON COLUMN outbox.step IS 'step of the policy (0 is the first); NULL: not of a policy';
COMMENT ON COLUMN outbox.severity IS 'of the case when the notice was written';
