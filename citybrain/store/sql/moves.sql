-- move: the move that this database is, or was, a side of
SELECT id, direction, peer, began_at, ended_at FROM city_move;

-- has_marks: does this database know of moves
SELECT to_regclass('city_move') IS NOT NULL AS yes;

-- begin: from now on this database is a side of a move
INSERT INTO city_move (id, direction, peer, began_at) VALUES (%(id)s, %(direction)s, %(peer)s, %(at)s)
ON CONFLICT (one) DO UPDATE SET id = excluded.id, direction = excluded.direction, peer = excluded.peer, began_at = excluded.began_at,
    ended_at = NULL;

-- end: the move is complete
UPDATE city_move SET ended_at = %(at)s WHERE ended_at IS NULL;

-- forget: the city lives here after all
DELETE FROM city_move;

-- hold: no pipeline and no other move may work on this database while this connection lives
SELECT pg_try_advisory_lock(727275) AS held;

-- present: other programs of ours that are connected to this database
SELECT application_name AS name, pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'citybrain %%'
  AND application_name <> ALL (%(harmless)s::text[])
ORDER BY application_name, pid;

-- myself: this connection as the server knows it
SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid();

-- sees: is a connection one to this very database
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid = %(pid)s AND backend_start = %(backend_start)s) AS yes;

-- at_ease: a long piece of work: nothing of it is cut short, and times read alike on both sides
SELECT set_config('statement_timeout', '0', false), set_config('idle_in_transaction_session_timeout', '0', false),
       set_config('TimeZone', 'UTC', false), set_config('work_mem', '64MB', false),
       -- a move that was killed lets go of its locks also in the middle of a long statement
       set_config('client_connection_check_interval', '2s', false);

-- progress: how far the parts are that come in many transactions
SELECT part, next_at, rows, seconds FROM city_move_parts;

-- advance: rows of times before a time are here
INSERT INTO city_move_parts AS p (part, next_at, rows, seconds) VALUES (%(part)s, %(next_at)s, %(rows)s, %(seconds)s)
ON CONFLICT (part) DO UPDATE SET next_at = excluded.next_at, rows = p.rows + excluded.rows, seconds = p.seconds + excluded.seconds;

-- forget_progress: nothing of a move is here
DELETE FROM city_move_parts;
