-- The ledger is of cases: an order's history is part of the chain of its case, and the life of a case itself is in it.

ALTER TABLE order_events
    ADD COLUMN case_id uuid,
    ADD COLUMN facts   jsonb    NOT NULL DEFAULT '{}',   -- what figures are recomputed from; covered by the hash
    ADD COLUMN version smallint NOT NULL DEFAULT 1,      -- formula of the hash: 1 without case and facts
    ALTER COLUMN order_id DROP NOT NULL;                 -- NULL: the entry concerns the case
UPDATE order_events e SET case_id = o.case_id FROM orders o WHERE o.id = e.order_id;
ALTER TABLE order_events
    ALTER COLUMN case_id SET NOT NULL,
    ALTER COLUMN version DROP DEFAULT,
    ADD FOREIGN KEY (case_id) REFERENCES cases (id),
    DROP CONSTRAINT order_events_order_id_prev_hash_key,
    -- the chain of a case cannot fork
    ADD CONSTRAINT order_events_one_chain UNIQUE (case_id, prev_hash);
CREATE INDEX order_events_order ON order_events (order_id, seq) WHERE order_id IS NOT NULL;
COMMENT ON TABLE order_events IS 'The ledger, append-only: moves of cases and orders, and notes that leave the state as it is; a chain of hashes per case.';

CREATE TABLE ledger_heads (
    case_id uuid    PRIMARY KEY REFERENCES cases (id),
    entries integer NOT NULL,            -- how many entries the chain has
    head    bytea   NOT NULL,            -- hash of the last one
    state   text    NOT NULL,            -- of the case, by the last entry that moved it
    seq_sum bigint  NOT NULL             -- sum of the numbers of its entries
);
COMMENT ON TABLE ledger_heads IS 'The end of each chain, written with each entry: what is cut off there shows, and the next entry finds what it follows.';

-- cases that are there already get a beginning in their chain: their state as it is now (formula 2, see dispatch/chain.py)
INSERT INTO order_events (case_id, event, from_state, to_state, at, actor, reason, facts, version, prev_hash, hash)
SELECT c.id, 'taken_over', c.state, c.state, c.at, 'migration', 'schema_15', c.facts::jsonb, 2, c.prev,
       sha256(c.prev || convert_to('[2,"' || c.id || '","","taken_over","' || c.state || '","' || c.state
                                   || '","migration","schema_15","",' || c.facts || ',"' || c.stamp || '"]', 'UTF8'))
  FROM (SELECT c.id, c.state, t.at, coalesce(e.hash, decode(repeat('00', 32), 'hex')) AS prev,
               to_char(t.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS stamp,
               '{"asset":' || to_json(c.asset) || ',"cause":' || to_json(c.cause) || ',"condition":' || to_json(c.condition)
               || ',"filing_item":' || coalesce(to_json(c.filing_item)::text, 'null') || ',"kind":' || to_json(c.kind)
               || ',"opened_at":"' || to_char(c.opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')
               || '","outcome":' || coalesce(to_json(c.outcome)::text, 'null') || ',"severity":' || to_json(c.severity) || '}' AS facts
          FROM cases c
          LEFT JOIN LATERAL (SELECT hash, at FROM order_events WHERE case_id = c.id ORDER BY seq DESC LIMIT 1) e ON true
          CROSS JOIN LATERAL (SELECT greatest(c.closed_at, e.at, c.opened_at) AS at) t
         ORDER BY c.opened_at, c.id) c;
INSERT INTO ledger_heads (case_id, entries, head, state, seq_sum)
SELECT c.id, e.entries, e.head, c.state, e.seq_sum
  FROM cases c
  JOIN LATERAL (SELECT count(*) AS entries, sum(seq) AS seq_sum, (array_agg(hash ORDER BY seq DESC))[1] AS head FROM order_events WHERE case_id = c.id) e ON true;

CREATE TABLE ledger_anchors (
    day       date    PRIMARY KEY,       -- the day (UTC, city time) that had ended
    from_seq  bigint  NOT NULL,          -- entries with seq > from_seq and seq <= to_seq are covered
    to_seq    bigint  NOT NULL,
    entries   bigint  NOT NULL,          -- how many there are
    root      bytea   NOT NULL,          -- Merkle root over their seq and hash, in order of seq
    made_at   timestamptz NOT NULL,      -- city time
    prev_hash bytea   NOT NULL UNIQUE,   -- hash of the anchor before; 32 zero bytes for the first
    hash      bytea   NOT NULL UNIQUE,   -- sha-256 over all of this
    CHECK (from_seq <= to_seq)
);
CREATE TABLE ledger_anchor_end (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    anchors integer NOT NULL,            -- how many there are
    head    bytea   NOT NULL             -- hash of the newest
);
COMMENT ON TABLE ledger_anchor_end IS 'The end of the chain of anchors, written with each of them: the newest one cannot be taken away unseen.';
COMMENT ON TABLE ledger_anchors IS 'One row a day over all entries written since the one before. A copy kept outside proves later that nothing was rewritten.';
