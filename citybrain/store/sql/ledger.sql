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
    RETURNING seq
)
INSERT INTO ledger_heads (case_id, entries, head, state, seq_sum)
SELECT %(case_id)s::uuid, 1, %(hash)s, coalesce(%(state)s::text, ''), seq FROM entry
ON CONFLICT (case_id) DO UPDATE
   SET entries = ledger_heads.entries + 1, head = excluded.head, state = coalesce(%(state)s::text, ledger_heads.state),
       seq_sum = ledger_heads.seq_sum + excluded.seq_sum;

-- add_many: many entries in their order, and the new ends of their chains
WITH entry AS (
    INSERT INTO order_events (case_id, order_id, event, from_state, to_state, at, actor, reason, detail, facts, version, prev_hash, hash)
    SELECT case_id, order_id, event, from_state, to_state, at, actor, reason, detail, facts, version,
           decode(prev_hash, 'hex'), decode(hash, 'hex')
    FROM jsonb_to_recordset(%(rows)s)
         AS n (n bigint, case_id uuid, order_id uuid, event text, from_state text, to_state text, at timestamptz, actor text,
               reason text, detail text, facts jsonb, version smallint, prev_hash text, hash text)
    ORDER BY n
    RETURNING seq, case_id, order_id, to_state, hash
)
INSERT INTO ledger_heads (case_id, entries, head, state, seq_sum)
SELECT case_id, count(*), (array_agg(hash ORDER BY seq DESC))[1],
       coalesce((array_agg(to_state ORDER BY seq DESC) FILTER (WHERE order_id IS NULL))[1], ''), sum(seq)
FROM entry GROUP BY case_id
ON CONFLICT (case_id) DO UPDATE
   SET entries = ledger_heads.entries + excluded.entries, head = excluded.head,
       state = coalesce(nullif(excluded.state, ''), ledger_heads.state), seq_sum = ledger_heads.seq_sum + excluded.seq_sum;

-- entries: all entries in the order of writing, or those of the case of one order
SELECT seq, case_id, order_id, event, from_state, to_state, at, actor, reason, detail, facts, version, prev_hash, hash
  FROM order_events
 WHERE %(order_id)s::uuid IS NULL OR case_id = (SELECT case_id FROM orders WHERE id = %(order_id)s::uuid)
 ORDER BY seq;

-- stream: entries in the order of writing, between two times; the whole life of each case that has one there when `whole`
SELECT seq, case_id, order_id, event, from_state, to_state, at, actor, reason, detail, facts, version, prev_hash, hash
  FROM order_events
 WHERE (%(begin)s::timestamptz IS NULL AND %(end)s::timestamptz IS NULL)
    OR case_id IN (SELECT case_id FROM order_events
                    WHERE (%(begin)s::timestamptz IS NULL OR at >= %(begin)s) AND (%(end)s::timestamptz IS NULL OR at < %(end)s))
 ORDER BY seq;

-- snapshot: what this transaction reads stands still
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- ends: the recorded end of every chain
SELECT case_id, entries, head, state, seq_sum FROM ledger_heads ORDER BY case_id;

-- case_rows: every case as it stands
SELECT id, asset, kind, cause, state, opened_at, closed_at, outcome FROM cases ORDER BY id;

-- order_rows: every order as it stands
SELECT id, case_id, unit, state, closed_at, reworks, returns FROM orders ORDER BY id;

-- case_states: the state of every case
SELECT id, state FROM cases;

-- anchors: all anchors in order
SELECT day, from_seq, to_seq, entries, root, made_at, prev_hash, hash FROM ledger_anchors ORDER BY to_seq, day;

-- last_anchor: the newest anchor
SELECT day, from_seq, to_seq, entries, root, made_at, prev_hash, hash FROM ledger_anchors ORDER BY to_seq DESC, day DESC LIMIT 1;

-- ripe: up to which entry an anchor may reach: before the first one of the new day, and no further than what is final, since an open
-- transaction may still put an entry before those that are seen
SELECT least((SELECT min(seq) - 1 FROM order_events WHERE seq > %(after)s AND at >= %(before)s),
             (SELECT max(seq) FROM order_events
               WHERE age(xmin) > age(mod(pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 4294967296)::text::xid))) AS seq;

-- leaves: the entries that an anchor covers
SELECT seq, hash FROM order_events WHERE seq > %(after)s AND seq <= %(until)s ORDER BY seq;

-- add_anchor: the anchor of a day, and the new end of their chain
WITH anchor AS (
    INSERT INTO ledger_anchors (day, from_seq, to_seq, entries, root, made_at, prev_hash, hash)
    VALUES (%(day)s, %(from_seq)s, %(to_seq)s, %(entries)s, %(root)s, %(made_at)s, %(prev_hash)s, %(hash)s)
)
INSERT INTO ledger_anchor_end (anchors, head) VALUES (1, %(hash)s)
ON CONFLICT (one) DO UPDATE SET anchors = ledger_anchor_end.anchors + 1, head = excluded.head;

-- anchor_end: the recorded end of the chain of anchors
SELECT anchors, head FROM ledger_anchor_end;

-- zone: the time zone of most units
SELECT timezone FROM units GROUP BY timezone ORDER BY count(*) DESC, timezone LIMIT 1;

-- last_note: the newest entry of a case that is one of some events
SELECT event, actor, reason, at FROM order_events
WHERE case_id = %(case_id)s::uuid AND event = ANY (%(events)s) ORDER BY seq DESC LIMIT 1;
