-- Alerts, cases, work orders, timers, outbox.

CREATE TABLE alerts (
    id          uuid PRIMARY KEY,        -- derived from asset, condition and onset
    asset       text        NOT NULL,
    kind        text        NOT NULL,
    condition   text        NOT NULL,
    severity    text        NOT NULL,
    phase       text        NOT NULL CHECK (phase IN ('pending', 'firing', 'clearing', 'resolved')),
    onset_at    timestamptz NOT NULL,
    end_at      timestamptz,
    raised_at   timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,    -- of the last change; a resolved alert is stable since then
    reason      text        NOT NULL,
    detail      text        NOT NULL DEFAULT '',
    evidence    jsonb       NOT NULL DEFAULT '[]',
    rulebook    text        NOT NULL DEFAULT '',
    past        boolean     NOT NULL DEFAULT false,   -- added as history: never dispatched
    withdrawn   boolean     NOT NULL DEFAULT false,
    flapping    boolean     NOT NULL DEFAULT false,
    case_id     uuid                     -- changed only by who holds the case (see cases)
);
-- one live episode of a condition on an asset
CREATE UNIQUE INDEX alerts_one_live ON alerts (asset, condition) WHERE phase <> 'resolved' AND NOT withdrawn;
CREATE INDEX alerts_asset_onset ON alerts (asset, onset_at);
CREATE INDEX alerts_case ON alerts (case_id) WHERE case_id IS NOT NULL;

CREATE TABLE alert_events (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id uuid        NOT NULL,
    change   text        NOT NULL,
    at       timestamptz NOT NULL,
    reason   text        NOT NULL,
    detail   text        NOT NULL DEFAULT '',
    evidence jsonb       NOT NULL DEFAULT '[]'
);
-- a replayed event is the same event; two corrections of one moment differ in their words
CREATE UNIQUE INDEX alert_events_once ON alert_events (alert_id, change, at, reason, md5(detail));

CREATE TABLE cases (
    id          uuid PRIMARY KEY,
    asset       text        NOT NULL,    -- the asset of the cause (a cabinet for a feeder fault)
    kind        text        NOT NULL,
    cause       text        NOT NULL,
    condition   text        NOT NULL,    -- of the alert that opened it
    severity    text        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('gathering', 'open', 'closed')),
    opened_at   timestamptz NOT NULL,
    closed_at   timestamptz,
    outcome     text,
    children    integer     NOT NULL DEFAULT 0,  -- other assets that fell with this one
    filing_item text,                    -- NULL: information only, never an order
    group_key   text,                    -- while gathering: what siblings share, 'feeder:F1'
    parents     text[]      NOT NULL DEFAULT '{}'  -- while gathering: assets whose fault would explain this one
);
COMMENT ON TABLE cases IS 'A case row is the lock of everything that belongs to it: who changes its alerts, orders or timers holds it FOR UPDATE; several are locked in the order of their ids.';
-- one open case per asset and cause
CREATE UNIQUE INDEX cases_one_open ON cases (asset, cause) WHERE state <> 'closed';
CREATE INDEX cases_gathering ON cases (group_key) WHERE state = 'gathering';
CREATE INDEX cases_asset ON cases (asset, opened_at);

CREATE TABLE orders (
    id            uuid PRIMARY KEY,
    number        bigint GENERATED ALWAYS AS IDENTITY,
    case_id       uuid        NOT NULL REFERENCES cases (id),
    unit          text        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('dispatched', 'acknowledged', 'on_site', 'fixed', 'verified',
                                                        'closed', 'returned', 'rework', 'cancelled')),
    filing_item   text        NOT NULL,
    limit_value   double precision NOT NULL,
    limit_unit    text        NOT NULL CHECK (limit_unit IN ('urgent_minute', 'urgent_hour', 'work_hour', 'work_day', 'natural_day')),
    dispatched_at timestamptz NOT NULL,
    clock_from    timestamptz NOT NULL,  -- where the limit counts from: dispatch, or the moment when a graver fault joined
    due_at        timestamptz NOT NULL,
    overdue_at    timestamptz,
    closed_at     timestamptz,
    fixed_at      timestamptz,           -- when the unit last said that it is fixed
    reworks       integer     NOT NULL DEFAULT 0,
    returns       integer     NOT NULL DEFAULT 0,
    refused       text[]      NOT NULL DEFAULT '{}',  -- units that returned it
    reason        text        NOT NULL,   -- reason of the last move
    trail         jsonb       NOT NULL DEFAULT '[]',  -- how the unit was found
    explanation   jsonb       NOT NULL DEFAULT '[]',  -- how the deadline was calculated
    trace         jsonb       NOT NULL DEFAULT '{}'
);
-- one open work order per case
CREATE UNIQUE INDEX orders_one_open ON orders (case_id) WHERE state NOT IN ('closed', 'cancelled');
CREATE INDEX orders_case ON orders (case_id);
CREATE INDEX orders_open_due ON orders (due_at) WHERE state NOT IN ('closed', 'cancelled');

CREATE TABLE order_events (
    seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id  uuid        NOT NULL REFERENCES orders (id),
    event     text        NOT NULL,
    from_state text       NOT NULL,
    to_state  text        NOT NULL,
    at        timestamptz NOT NULL,
    actor     text        NOT NULL,
    reason    text        NOT NULL,
    detail    text        NOT NULL DEFAULT '',
    prev_hash bytea       NOT NULL,            -- 32 zero bytes for the first
    hash      bytea       NOT NULL UNIQUE,   -- sha-256 over the event and prev_hash
    -- the chain of an order cannot fork
    UNIQUE (order_id, prev_hash)
);
COMMENT ON TABLE order_events IS 'Append-only. Moves, and notes (reminded, overdue, escalated…) that leave the state as it is.';

CREATE TABLE timers (
    id       text PRIMARY KEY,           -- '{case}:{purpose}': a timer exists once
    case_id  uuid        NOT NULL REFERENCES cases (id),
    purpose  text        NOT NULL,
    next_at  timestamptz NOT NULL,       -- city time
    failures integer     NOT NULL DEFAULT 0
);
CREATE INDEX timers_next ON timers (next_at);
CREATE INDEX timers_case ON timers (case_id);

CREATE TABLE outbox (
    id         uuid PRIMARY KEY,         -- derived: the same notification is written once; also the idempotency key
    channel    text        NOT NULL,
    target     text        NOT NULL,
    purpose    text        NOT NULL,     -- dispatched, reminder_50, reminder_80, overdue, escalated_lead…
    order_id   uuid        REFERENCES orders (id),
    body       jsonb       NOT NULL,
    state      text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'dropped', 'failed')),
    attempts   integer     NOT NULL DEFAULT 0,
    order_state text,                    -- of the order when this was written; checked again when it is sent
    next_at    timestamptz NOT NULL DEFAULT 'epoch',  -- earliest next attempt, in machine time: servers do not live in city time
    created_at timestamptz NOT NULL,     -- city time
    done_at    timestamptz,
    reason     text        NOT NULL DEFAULT ''
);
CREATE INDEX outbox_next ON outbox (next_at) WHERE state = 'waiting';

CREATE TABLE deliveries (
    seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    outbox_id uuid        NOT NULL REFERENCES outbox (id),
    at        timestamptz NOT NULL,
    ok        boolean     NOT NULL,
    reason    text        NOT NULL,
    detail    text        NOT NULL DEFAULT ''
);
CREATE INDEX deliveries_outbox ON deliveries (outbox_id);

CREATE TABLE breakers (
    target    text PRIMARY KEY,
    failures  integer     NOT NULL DEFAULT 0,   -- in a row
    open_until timestamptz                      -- machine time
);

CREATE TABLE cycle_modules (
    module  text PRIMARY KEY,
    next_at timestamptz NOT NULL         -- city time; for modules that run now and then
);
