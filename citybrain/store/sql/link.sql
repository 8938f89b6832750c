-- limits: of this connection: of waiting for a lock, and of a process that says nothing within a transaction
SELECT set_config('lock_timeout', %(lock_ms)s, false), set_config('idle_in_transaction_session_timeout', %(idle_ms)s, false);

-- check_at_once: deferred constraints are checked by each statement
SET CONSTRAINTS ALL IMMEDIATE;
