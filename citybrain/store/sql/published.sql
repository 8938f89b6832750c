-- lead: whether this connection is the one that publishes the register; it stays so while it lives
SELECT pg_try_advisory_lock(727278) AS leads;

-- published: up to which version all changes are in a topic
SELECT version FROM register_published WHERE topic = %(topic)s;

-- save: all changes up to a version are in a topic
INSERT INTO register_published (topic, version) VALUES (%(topic)s, %(version)s)
ON CONFLICT (topic) DO UPDATE SET version = excluded.version;
