-- add: add to the durable counters; always in the same order, and last in its transaction, since everybody counts here
INSERT INTO counters (name, value)
SELECT name, value FROM unnest(%(names)s::text[], %(values)s::bigint[]) AS added (name, value) ORDER BY name
ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value;
