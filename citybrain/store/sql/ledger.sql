-- head_of_order: the end of the chain of the case of an order
SELECT o.case_id, h.head, h.entries, h.state FROM orders o LEFT JOIN ledger_heads h ON h.case_id = o.case_id
WHERE o.id = %(order_id)s::uuid;

-- heads: the ends of the chains of some cases
SELECT case_id, head, entries, state FROM ledger_heads WHERE case_id = ANY (%(cases)s::uuid[]);

-- add: one entry, and the new end of its chain
WITH entry AS (
    INSERT INTO order_events (case_id, order_id, event, from_state, to_state, at, actor, reason, detail, facts, version, prev_hash, hash)
    VALUES (%(case_id)s, %(order_id)s, %(event)s, %(from_state)s, %(to_state)s, %(at)s, %(actor)s, %(reason)s, %(detail)s,
            %(facts)s, %(version)s, %(prev_hash)s, %(hash)s)
)
INSERT INTO ledger_heads (case_id, entries, head, state) VALUES (%(case_id)s, 1, %(hash)s, coalesce(%(state)s::text, ''))
ON CONFLICT (case_id) DO UPDATE
   SET entries = ledger_heads.entries + 1, head = excluded.head, state = coalesce(%(state)s::text, ledger_heads.state);

-- copy: many entries
COPY order_events (case_id, order_id, event, from_state, to_state, at, actor, reason, detail, facts, version, prev_hash, hash)
FROM STDIN;

-- set_heads: the new ends of many chains, each longer by so many entries
INSERT INTO ledger_heads (case_id, entries, head, state)
SELECT n.case_id, n.entries, n.head, coalesce(n.state, '')
  FROM unnest(%(cases)s::uuid[], %(entries)s::int[], %(heads)s::bytea[], %(states)s::text[]) AS n (case_id, entries, head, state)
ON CONFLICT (case_id) DO UPDATE
   SET entries = ledger_heads.entries + excluded.entries, head = excluded.head,
       state = coalesce(nullif(excluded.state, ''), ledger_heads.state);

-- entries: all entries in the order of writing, or those of the case of one order
SELECT seq, case_id, order_id, event, from_state, to_state, at, actor, reason, detail, facts, version, prev_hash, hash
  FROM order_events
 WHERE %(order_id)s::uuid IS NULL OR case_id = (SELECT case_id FROM orders WHERE id = %(order_id)s::uuid)
 ORDER BY seq;

-- case_states: the state of every case
SELECT id, state FROM cases;
