-- columns: of a table, in their order
SELECT attname AS name FROM pg_attribute WHERE attrelid = to_regclass(%(table)s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum;

-- out: all rows of a table
COPY {table} ({columns}) TO STDOUT;

-- into: rows of a table
COPY {table} ({columns}) FROM STDIN;

-- out_span: the rows of a span of time, side by side as the index will have them
COPY (SELECT {columns} FROM {table} WHERE {time} >= %(begin)s AND {time} < %(end)s ORDER BY {key}) TO STDOUT (FORMAT {format});

-- into_span: the same on the other side
COPY {table} ({columns}) FROM STDIN (FORMAT {format});

-- clear: what a service that had nothing to do may have left
DELETE FROM {table};

-- count: rows of a table
SELECT count(*) AS n FROM {table};

-- count_before: rows of a table before a time
SELECT count(*) AS n FROM {table} WHERE {time} < %(end)s;

-- some: rows of a table, not counted beyond a million
SELECT count(*) AS n FROM (SELECT FROM {table} LIMIT 1000000) AS counted;

-- contents: rows of a table and a sum over their text: equal when the rows are
SELECT count(*) AS n, coalesce(sum(hashtextextended(ROW({columns})::text, 0)), 0)::text AS sum FROM {table};

-- weeks: plain: the weeks that a partitioned table has
SELECT week AS begin, week + interval '7 days' AS end
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
CROSS JOIN LATERAL (SELECT to_date(right(relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' AS week) AS named
WHERE inhparent = to_regclass(%(table)s) ORDER BY week;

-- chunks: TimescaleDB: the times of a hypertable's chunks
SELECT range_start AS begin, range_end AS end FROM timescaledb_information.chunks WHERE hypertable_name = %(table)s ORDER BY range_start;

-- bounds: first and last time of a table
SELECT min({time}) AS begin, max({time}) + interval '1 second' AS end FROM {table};

-- ready: make ready for rows of a week; TimescaleDB does it by itself
SELECT readings_partition(%(table)s, %(at)s);

-- identities: columns that number their rows, and the last number that was given
SELECT c.relname AS table, a.attname AS column, pg_sequence_last_value(pg_get_serial_sequence(c.relname, a.attname)::regclass) AS last
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.oid = ANY (SELECT to_regclass(name) FROM unnest(%(tables)s::text[]) AS name) AND a.attidentity <> '' ORDER BY c.relname;

-- continue: the next number is one more
SELECT setval(pg_get_serial_sequence(%(table)s, %(column)s), %(last)s);

-- register_state: versions of the register
SELECT version, rules FROM register_state;

-- set_register_state: the same on the other side
UPDATE register_state SET version = %(version)s, rules = %(rules)s;

-- archive_state: where the summaries stand, and what was dropped
SELECT kind, promised_to, done_to, dropped_to FROM archive_state;

-- set_archive_state: the same on the other side
UPDATE archive_state SET promised_to = %(promised_to)s, done_to = %(done_to)s, dropped_to = %(dropped_to)s;

-- jobs: TimescaleDB: the jobs that make summaries rest, or run again
SELECT alter_job(job, scheduled => %(run)s) FROM archive_jobs WHERE what = 'refresh';

-- leave_alone: TimescaleDB: sums before a time are settled, so that no run of its jobs makes them anew of readings that are gone
CALL refresh_continuous_aggregate(%(table)s, NULL, %(before)s::timestamptz);

-- summary_storage: TimescaleDB: the table in which a continuous aggregate keeps its rows
SELECT materialization_hypertable_schema AS schema, materialization_hypertable_name AS name
FROM timescaledb_information.continuous_aggregates WHERE view_name = %(table)s;

-- ledger: every case with its order and history, case by case
SELECT c.id AS of_case, c.state AS case_state, o.id AS of_order, o.state AS order_state,
       e.seq, e.case_id, e.order_id, e.event, e.from_state, e.to_state, e.at, e.actor, e.reason, e.detail, e.facts, e.version,
       e.prev_hash, e.hash
  FROM cases c LEFT JOIN orders o ON o.case_id = c.id LEFT JOIN order_events e ON e.case_id = c.id
 ORDER BY c.id, e.seq;

-- analyze: statistics for the planner, of all that came
ANALYZE;
