-- Channels: what is held back and why, what went out together, messages that can be edited, links that were used.

-- city time: held back until then, by quiet hours, by an allowance, by a bundle that fills, by a silence
ALTER TABLE outbox ADD COLUMN hold_until timestamptz NOT NULL DEFAULT 'epoch';
-- the notice in whose message this one goes; its own id for the one that leads
ALTER TABLE outbox ADD COLUMN bundle uuid;
CREATE INDEX outbox_bundle ON outbox (bundle) WHERE state = 'waiting' AND bundle IS NOT NULL;
-- what waits for one target, the oldest first
CREATE INDEX outbox_target ON outbox (target, created_at, id) WHERE state = 'waiting';
CREATE INDEX outbox_order ON outbox (order_id);
CREATE INDEX outbox_person ON outbox (person, created_at) WHERE person IS NOT NULL;

-- what came of it: `ok` alone does not tell a notice that was held from one that failed
ALTER TABLE deliveries ADD COLUMN outcome text NOT NULL DEFAULT 'sent'
    CHECK (outcome IN ('sent', 'retry', 'failed', 'dropped', 'held'));
UPDATE deliveries d SET outcome = CASE WHEN d.reason IN ('state_changed', 'unit_changed') THEN 'dropped'
    WHEN o.state = 'failed' AND d.seq = (SELECT max(last.seq) FROM deliveries last WHERE last.outbox_id = d.outbox_id) THEN 'failed'
    ELSE 'retry' END
FROM outbox o WHERE o.id = d.outbox_id AND NOT d.ok;
ALTER TABLE deliveries ALTER COLUMN outcome DROP DEFAULT, ADD CHECK (ok = (outcome = 'sent'));
CREATE INDEX deliveries_at ON deliveries (at);

CREATE TABLE disturbances (
    outbox_id uuid PRIMARY KEY REFERENCES outbox (id) ON DELETE CASCADE,  -- of a bundle: the notice that leads it
    who       text        NOT NULL,      -- 'person:li', or 'target:sms://…' when the notice names nobody
    kind      text        NOT NULL,      -- of channel: 'sms', 'chat', 'mail'
    at        timestamptz NOT NULL       -- city time
);
COMMENT ON TABLE disturbances IS 'Messages that reached a person or may have: written by the transaction that claims, taken back when the target did not take the message. Allowances count these rows.';
CREATE INDEX disturbances_who ON disturbances (who, kind, at);

CREATE TABLE message_handles (
    order_id  uuid        NOT NULL REFERENCES orders (id),
    target    text        NOT NULL,
    handle    text        NOT NULL,      -- what the service calls the message
    outbox_id uuid        NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    at        timestamptz NOT NULL,
    -- of an order a target has one message that is edited
    PRIMARY KEY (order_id, target)
);
COMMENT ON TABLE message_handles IS 'The last message about an order at a target that can be edited in place.';

CREATE TABLE used_links (
    nonce    bytea       PRIMARY KEY,    -- of the token: a link works once
    order_id uuid        NOT NULL REFERENCES orders (id),
    verb     text        NOT NULL,
    actor    text        NOT NULL,
    used_at  timestamptz NOT NULL,       -- city time
    expires  timestamptz NOT NULL        -- city time; the row may go after it
);
COMMENT ON TABLE used_links IS 'Signed links that were used, in the transaction of what they did.';
