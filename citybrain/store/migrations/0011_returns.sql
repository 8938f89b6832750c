-- Who owns what from when to when, orders that are given back, and what follows from that.

CREATE TABLE ownerships (
    asset      text   NOT NULL REFERENCES assets (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    unit       text   NOT NULL REFERENCES units (id),
    valid_from date   NOT NULL DEFAULT '-infinity',
    valid_to   date   NOT NULL DEFAULT 'infinity',   -- the last day
    source     text   NOT NULL DEFAULT '',
    version    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (asset, valid_from),
    CHECK (valid_from <= valid_to)
);
COMMENT ON TABLE ownerships IS 'An asset belongs to a unit from one day to another; source is the by-law or contract. On days that no row covers assets.unit holds.';
CREATE INDEX ownerships_version ON ownerships (version);

ALTER TABLE responsibilities ADD COLUMN source text NOT NULL DEFAULT '';
COMMENT ON COLUMN responsibilities.source IS 'The contract or by-law that the rule comes from; the trail of an order names it.';

ALTER TABLE orders DROP CONSTRAINT orders_state_check;
ALTER TABLE orders ADD CONSTRAINT orders_state_check CHECK (state IN (
    'dispatched', 'acknowledged', 'on_site', 'fixed', 'verified', 'closed', 'returned', 'arbitration', 'rework', 'cancelled'));

CREATE TABLE order_returns (
    order_id uuid        NOT NULL REFERENCES orders (id),
    number   integer     NOT NULL CHECK (number > 0),    -- first, second return of the order
    unit     text        NOT NULL,                       -- who gave it back
    code     text        NOT NULL,
    note     text        NOT NULL DEFAULT '',
    evidence text        NOT NULL DEFAULT '',            -- a photograph, a document, a link
    actor    text        NOT NULL,
    at       timestamptz NOT NULL,
    sent_to  text,                                       -- who got it next; none while nobody has it
    why      text,                                       -- reason of that: register_corrected, arbitrated…
    PRIMARY KEY (order_id, number)
);
COMMENT ON TABLE order_returns IS 'Each time a unit gave an order back, with its reason code, and where the order went then.';
CREATE INDEX order_returns_code ON order_returns (code);

CREATE TABLE register_proposals (
    id         uuid PRIMARY KEY,         -- derived from asset, unit and order
    number     bigint GENERATED ALWAYS AS IDENTITY,
    asset      text        NOT NULL,
    from_unit  text        NOT NULL,     -- who gave the order back
    to_unit    text        NOT NULL,     -- who turned out to be responsible
    order_id   uuid        NOT NULL REFERENCES orders (id),
    evidence   text        NOT NULL,     -- arbitrated, repaired
    state      text        NOT NULL DEFAULT 'offered' CHECK (state IN ('offered', 'accepted', 'refused')),
    offered_at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by text,
    reason     text        NOT NULL DEFAULT '',
    CHECK ((state = 'offered') = (decided_at IS NULL))
);
COMMENT ON TABLE register_proposals IS 'What returned orders say about the register. Somebody accepts it, which writes an ownership, or refuses it.';
-- one open proposal of a kind: ten orders of one lamp are one question
CREATE UNIQUE INDEX register_proposals_open ON register_proposals (asset, to_unit) WHERE state = 'offered';

CREATE TABLE test_orders (
    one         boolean     PRIMARY KEY DEFAULT true CHECK (one),
    sent_at     timestamptz,             -- of the newest test message that came; all times are machine time
    came_at     timestamptz,             -- when dispatch had it
    told_at     timestamptz,             -- when its test notice had been sent
    watch_since timestamptz NOT NULL,    -- silence counts from here at the earliest: nobody watched before
    looked_at   timestamptz NOT NULL,    -- when somebody last looked whether it is silent
    next_look   timestamptz NOT NULL,
    silent_at   timestamptz              -- when the watch contacts were told that it is silent; none while it flies
);
COMMENT ON TABLE test_orders IS 'The test message that goes the whole way all day: its order, beside the real ones so that no figure counts it.';
