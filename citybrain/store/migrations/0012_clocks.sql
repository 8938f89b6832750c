-- The two clocks of an order, and what is asked of them.

CREATE TABLE order_clocks (
    order_id    uuid        NOT NULL REFERENCES orders (id),
    clock       text        NOT NULL CHECK (clock IN ('make_safe', 'repair')),
    state       text        NOT NULL CHECK (state IN ('running', 'paused', 'suspended', 'overdue', 'met', 'met_late', 'stopped')),
    limit_value double precision NOT NULL,
    limit_unit  text        NOT NULL CHECK (limit_unit IN ('urgent_minute', 'urgent_hour', 'work_hour', 'work_day', 'natural_day')),
    begun_at    timestamptz NOT NULL,    -- where the limit counts from
    since       timestamptz NOT NULL,    -- where the present stretch counts from
    spent_us    bigint      NOT NULL CHECK (spent_us >= 0),  -- counted before `since`, on the clock's own time
    total_us    bigint      NOT NULL CHECK (total_us >= 0),  -- the limit on its own time; twice that when it was extended
    due_at      timestamptz NOT NULL,    -- while it stands: where it would have ended
    coming      text[]      NOT NULL DEFAULT '{}',  -- reminders that were not had yet
    quiet       boolean     NOT NULL DEFAULT false, -- nobody is reminded
    extended    boolean     NOT NULL DEFAULT false,
    met_at      timestamptz,
    overdue_at  timestamptz,
    until       timestamptz,             -- a pause or suspension ends by itself then
    stood_at    timestamptz,             -- it stands since then
    explanation jsonb       NOT NULL DEFAULT '[]',  -- how the limit was calculated when it began
    PRIMARY KEY (order_id, clock),
    CHECK ((met_at IS NOT NULL) = (state IN ('met', 'met_late'))),
    CHECK (state NOT IN ('overdue', 'met_late') OR overdue_at IS NOT NULL),
    CHECK (until IS NULL OR state IN ('paused', 'suspended')),
    CHECK (stood_at IS NOT NULL OR state NOT IN ('paused', 'suspended')),
    CHECK (state <> 'suspended' OR until IS NOT NULL)
);
COMMENT ON TABLE order_clocks IS 'make_safe: until when nobody can come to harm any more; repair: until when it is put right (orders.due_at is its due_at). Who writes holds the case.';

CREATE TABLE clock_requests (
    id          uuid PRIMARY KEY,        -- derived: asking the same again changes nothing
    order_id    uuid        NOT NULL REFERENCES orders (id),
    kind        text        NOT NULL CHECK (kind IN ('pause', 'extend', 'suspend')),
    code        text        NOT NULL,    -- named reason
    detail      text        NOT NULL DEFAULT '',
    until       timestamptz,             -- wanted end of a pause or suspension
    asked_by    text        NOT NULL,
    asked_at    timestamptz NOT NULL,
    state       text        NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'approved', 'refused', 'lapsed')),
    first_by    text,                    -- who approved
    first_at    timestamptz,
    second_by   text,                    -- a suspension needs two
    second_at   timestamptz,
    refused_by  text,
    ended_at    timestamptz,
    reason      text        NOT NULL DEFAULT '',    -- why it was refused or lapsed
    CHECK (first_by <> asked_by),
    CHECK (second_by <> asked_by AND second_by <> first_by),
    CHECK (refused_by <> asked_by),
    CHECK (kind <> 'suspend' OR until IS NOT NULL),
    CHECK (state <> 'approved' OR (first_by IS NOT NULL AND (kind <> 'suspend' OR second_by IS NOT NULL)))
);
COMMENT ON TABLE clock_requests IS 'A pause, an extension or a suspension that the unit asks for: approved or refused by somebody else.';
-- one open request of an order
CREATE UNIQUE INDEX clock_requests_one_open ON clock_requests (order_id) WHERE state = 'asked';
CREATE INDEX clock_requests_order ON clock_requests (order_id, asked_at);

ALTER TABLE orders ADD COLUMN reopens integer NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN reopened_at timestamptz;
ALTER TABLE orders ADD COLUMN checklist jsonb NOT NULL DEFAULT '[]';  -- what is gone through before it is reported fixed: [{id, en, zh, required, done}]
ALTER TABLE orders ADD COLUMN safe_by_arrival boolean NOT NULL DEFAULT false;    -- whoever arrives has made it safe
ALTER TABLE orders ADD COLUMN close_en text NOT NULL DEFAULT '';      -- when it counts as put right, by the filing item
ALTER TABLE orders ADD COLUMN close_zh text NOT NULL DEFAULT '';

-- orders that were there before: their repair clock as it stands, and no danger that anybody was told of
INSERT INTO order_clocks (order_id, clock, state, limit_value, limit_unit, begun_at, since, spent_us, total_us, due_at, coming, quiet,
                          met_at, overdue_at)
SELECT o.id, 'repair',
       CASE WHEN o.state IN ('fixed', 'verified', 'closed') THEN CASE WHEN o.overdue_at IS NULL THEN 'met' ELSE 'met_late' END
            WHEN o.state = 'cancelled' THEN 'stopped' WHEN o.overdue_at IS NOT NULL THEN 'overdue' ELSE 'running' END,
       o.limit_value, o.limit_unit, o.clock_from, o.clock_from, 0,
       (o.limit_value * CASE o.limit_unit WHEN 'urgent_minute' THEN 60 WHEN 'urgent_hour' THEN 3600 WHEN 'natural_day' THEN 86400
                                          WHEN 'work_hour' THEN 3600 ELSE 28800 END * 1000000)::bigint,
       o.due_at,
       coalesce((SELECT array_agg(t.purpose ORDER BY t.next_at) FROM timers t
                 WHERE t.case_id = o.case_id AND t.purpose IN ('reminder_50', 'reminder_80', 'limit')), '{}'),
       false,
       CASE WHEN o.state IN ('fixed', 'verified', 'closed') THEN coalesce(o.fixed_at, o.closed_at, o.due_at) END,
       o.overdue_at
FROM orders o;
INSERT INTO order_clocks (order_id, clock, state, limit_value, limit_unit, begun_at, since, spent_us, total_us, due_at, quiet)
SELECT order_id, 'make_safe', 'stopped', limit_value, limit_unit, begun_at, begun_at, 0, total_us, due_at, true
FROM order_clocks WHERE clock = 'repair';
