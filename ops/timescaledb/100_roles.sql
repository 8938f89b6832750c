-- Runs once, when the database is made, by the image's entrypoint and in the database `citybrain`. The passwords are files that
-- `citybrain secrets make` wrote.
\set citybrain `cat /run/secrets/citybrain`
\set grafana `cat /run/secrets/grafana`

CREATE ROLE citybrain LOGIN PASSWORD :'citybrain';
ALTER DATABASE citybrain OWNER TO citybrain;

-- Grafana reads, and not for ever
CREATE ROLE grafana LOGIN PASSWORD :'grafana' CONNECTION LIMIT 20;
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '30s';
GRANT pg_read_all_data TO grafana;
