-- came: a test message came to dispatch; nothing when a newer one did before
INSERT INTO test_orders AS t (sent_at, came_at, watch_since, looked_at, next_look)
VALUES (%(sent_at)s, %(came_at)s, %(came_at)s, %(came_at)s, %(came_at)s)
ON CONFLICT (one) DO UPDATE SET sent_at = excluded.sent_at, came_at = excluded.came_at
WHERE t.sent_at IS NULL OR t.sent_at < excluded.sent_at;

-- test_notice: the notice of the test order, to be sent again; one row for ever
INSERT INTO outbox (id, channel, target, purpose, order_id, order_state, body, created_at)
VALUES (%(id)s, %(channel)s, %(target)s, %(purpose)s, NULL, NULL, %(body)s, %(created_at)s)
ON CONFLICT (id) DO UPDATE SET body = excluded.body, created_at = excluded.created_at, state = 'waiting', attempts = 0,
    next_at = 'epoch', hold_until = 'epoch', done_at = NULL, reason = '';

-- told: the test notice of a message was sent
UPDATE test_orders SET told_at = %(at)s WHERE told_at IS NULL OR told_at < %(at)s;

-- state: the test order and its watch
SELECT sent_at, came_at, told_at, watch_since, looked_at, next_look, silent_at FROM test_orders;

-- looked: somebody looked whether it is silent
INSERT INTO test_orders (watch_since, looked_at, next_look, silent_at)
VALUES (%(watch_since)s, %(looked_at)s, %(next_look)s, %(silent_at)s)
ON CONFLICT (one) DO UPDATE SET watch_since = excluded.watch_since, looked_at = excluded.looked_at,
    next_look = excluded.next_look, silent_at = excluded.silent_at;
