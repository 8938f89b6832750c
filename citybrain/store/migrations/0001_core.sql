-- The stream: readings, the log between the stages, checkpoints, quarantine.

CREATE TABLE readings (
    asset       text        NOT NULL,
    observed_at timestamptz NOT NULL,
    device      text        NOT NULL,
    key         bigint      NOT NULL,   -- dedupe key within the device
    received_at timestamptz NOT NULL,
    kind        text        NOT NULL,
    seq         bigint,
    flags       smallint    NOT NULL DEFAULT 0,
    window_ms   integer     NOT NULL DEFAULT 0,
    quality     smallint    NOT NULL DEFAULT 0,   -- 0 in order, 1 late (re-judged)
    measures    jsonb       NOT NULL,
    -- the same message of the same device can be stored only once
    PRIMARY KEY (asset, observed_at, device, key)
);
COMMENT ON TABLE readings IS 'The archive. One row a message.';
CREATE INDEX readings_observed ON readings USING brin (observed_at);

CREATE TABLE stream_log (
    position bigint      PRIMARY KEY,
    at       timestamptz NOT NULL,
    entry    bytea       NOT NULL      -- JSON: readings, tick and adopted states of one batch (citybrain.kernel.codec)
);
-- JSON of a batch is written once and read once: compressing it would cost more than it saves
ALTER TABLE stream_log ALTER COLUMN entry SET STORAGE EXTERNAL;
COMMENT ON TABLE stream_log IS 'One row a batch, written in the transaction of the batch; pruned behind the checkpoints.';

CREATE TABLE checkpoints (
    shard    smallint    PRIMARY KEY CHECK (shard BETWEEN 0 AND 31),
    position bigint      NOT NULL,
    detector_version text NOT NULL,
    saved_at timestamptz NOT NULL,
    state    bytea       NOT NULL
);
COMMENT ON TABLE checkpoints IS 'state = checkpoint + replay of the log after its position';

CREATE TABLE quarantine (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest     bytea       NOT NULL,
    topic      text        NOT NULL,
    reason     text        NOT NULL,
    detail     text        NOT NULL DEFAULT '',
    payload    bytea       NOT NULL,    -- cut at 64 KB
    size       integer     NOT NULL,    -- of the whole payload
    seen       bigint      NOT NULL DEFAULT 1,
    first_at   timestamptz NOT NULL,
    last_at    timestamptz NOT NULL,
    retried_at timestamptz,
    outcome    text,
    UNIQUE (topic, reason, digest)      -- the same bad message again only counts
);

CREATE TABLE rejudge_queue (
    asset   text        PRIMARY KEY,
    since   timestamptz NOT NULL,       -- observed time of the earliest late reading
    asked_at timestamptz NOT NULL
);
COMMENT ON TABLE rejudge_queue IS 'Assets whose episodes must be judged again from the archive.';

CREATE TABLE counters (
    name  text   PRIMARY KEY,
    value bigint NOT NULL
);
COMMENT ON TABLE counters IS 'What must survive a restart exactly: duplicates ignored, readings stored, late…';
