-- The cluster runtime: where its consumers stand, and the state of the rules in each partition.

CREATE TABLE consumer_positions (
    consumer    text     NOT NULL,       -- 'archive', 'dispatch'
    topic       text     NOT NULL,
    partition   smallint NOT NULL,
    next_offset bigint   NOT NULL CHECK (next_offset >= 0),
    PRIMARY KEY (consumer, topic, partition)
);
COMMENT ON TABLE consumer_positions IS 'The first record that is not in the database yet; written in the transaction of the records before it.';

CREATE TABLE partition_states (
    topic            text        NOT NULL,
    partition        smallint    NOT NULL CHECK (partition BETWEEN 0 AND 31),
    next_offset      bigint      NOT NULL CHECK (next_offset >= 0),
    detector_version text        NOT NULL,
    rulebook         text        NOT NULL,
    saved_at         timestamptz NOT NULL,
    head             jsonb       NOT NULL,   -- watermark, assets the register does not have yet, late readings to judge again
    state            bytea       NOT NULL,   -- of the engine
    PRIMARY KEY (topic, partition)
);
ALTER TABLE partition_states ALTER COLUMN state SET STORAGE EXTERNAL;
COMMENT ON TABLE partition_states IS 'state of a partition = this + replay of the records from next_offset on';

CREATE TABLE register_published (
    topic    text   PRIMARY KEY,
    version  bigint NOT NULL             -- of the register, up to which all changes are in the topic
);
