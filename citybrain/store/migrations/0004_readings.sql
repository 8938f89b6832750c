-- The archive of readings becomes narrow: one row a value. What is TimescaleDB's or plain PostgreSQL's own stands in the half
-- of this migration that is applied with it; both give the same tables, views and functions:
--   readings, readings_1m, readings_1h, readings_1d         what people and dashboards read
--   readings_begin, readings_expire, summaries_expire,
--   readings_estimate, archive_keep                         what the program calls

ALTER TABLE readings RENAME TO readings_wide;
ALTER INDEX readings_pkey RENAME TO readings_wide_pkey;
ALTER INDEX readings_observed RENAME TO readings_wide_observed;

CREATE TABLE archive_state (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    kind        text    NOT NULL CHECK (kind IN ('plain', 'timescaledb')),
    promised_to timestamptz,
    done_to     timestamptz,
    dropped_to  timestamptz
);
COMMENT ON TABLE archive_state IS 'One row: which kind of archive this database has for life, and where its summaries stand.';
COMMENT ON COLUMN archive_state.promised_to IS 'Plain: who writes a reading before this puts its hour on readings_stale.';
COMMENT ON COLUMN archive_state.done_to IS 'Plain: the sums hold all hours before this that are not on readings_stale.';
COMMENT ON COLUMN archive_state.dropped_to IS 'Readings before this were dropped; summaries of that time are not made anew.';

-- asset and measure in byte order: the same on every server, and its index is built in half the time
CREATE TABLE readings_columns (
    asset       text COLLATE "C" NOT NULL,
    measure     text COLLATE "C" NOT NULL,
    observed_at timestamptz      NOT NULL,
    message     bigint           NOT NULL,
    value       double precision,
    label       text,
    quality     smallint         NOT NULL,
    kind        text,
    device      text,
    key         bigint,
    seq         bigint,
    received_at timestamptz,
    window_ms   integer
);
COMMENT ON COLUMN readings_columns.measure IS 'Canonical measure (docs/reference/measures.md) or the device''s own name; empty: a message without values.';
COMMENT ON COLUMN readings_columns.observed_at IS 'The device''s time.';
COMMENT ON COLUMN readings_columns.message IS 'What the message is known by within its asset: its values have it in common.';
COMMENT ON COLUMN readings_columns.value IS 'Number in the unit of the measure; yes = 1, no = 0; null: a text.';
COMMENT ON COLUMN readings_columns.label IS 'Text; true or false beside 1 or 0.';
COMMENT ON COLUMN readings_columns.quality IS 'Bits: 1 simulated, 2 history, 4 without device time, 256 late, 512 sent as a whole number. 0: all in order.';
COMMENT ON COLUMN readings_columns.kind IS 'Kind of the asset. This and the columns behind it stand in one row of each message only.';
COMMENT ON COLUMN readings_columns.device IS 'Id of the device; null: that of the asset.';
COMMENT ON COLUMN readings_columns.key IS 'Dedupe key within the device; null: the same as message.';
COMMENT ON COLUMN readings_columns.received_at IS 'When the message came; counting this column counts messages.';
COMMENT ON COLUMN readings_columns.window_ms IS 'The same key within this time is the same message; null: only at the same time.';

CREATE TABLE readings_stale (
    asset text COLLATE "C" NOT NULL,
    hour  timestamptz      NOT NULL,
    taken boolean          NOT NULL DEFAULT false   -- TimescaleDB: being made anew
);
-- no primary key: writers never wait for each other, nor for who makes the summaries anew
CREATE INDEX readings_stale_place ON readings_stale (asset, hour);
COMMENT ON TABLE readings_stale IS 'Hours of assets whose readings changed after they were summarised: the views read them from readings.';

-- the newest value of a bucket; max() of an array of these finds it, and is there in every PostgreSQL
CREATE TYPE reading_point AS (at timestamptz, message bigint, value double precision, label text);
