-- The register: what there is, who owns it, who repairs it.

CREATE TABLE units (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    name_zh     text NOT NULL DEFAULT '',
    timezone    text NOT NULL DEFAULT 'UTC',
    calendar    text NOT NULL DEFAULT 'default',
    contacts    text[] NOT NULL DEFAULT '{}',
    lead        text[] NOT NULL DEFAULT '{}',
    supervisor  text[] NOT NULL DEFAULT '{}',
    guardian_of text[] NOT NULL DEFAULT '{}'
);

CREATE TABLE assets (
    id                text PRIMARY KEY,
    kind              text NOT NULL,
    name              text NOT NULL DEFAULT '',
    lat               double precision CHECK (lat BETWEEN -90 AND 90),
    lon               double precision CHECK (lon BETWEEN -180 AND 180),
    unit              text REFERENCES units (id) DEFERRABLE INITIALLY DEFERRED,
    district          text,
    cell              text,
    street_class      text,
    install_height_mm double precision,
    depth_mm          double precision,
    pipe_diameter_mm  double precision,
    rated_power_w     double precision,
    feeder            text,
    cabinet           text,
    gateway           text,
    model             text,
    interval_s        double precision CHECK (interval_s > 0),
    schedule          text,
    provisional       boolean NOT NULL DEFAULT false,
    attributes        jsonb NOT NULL DEFAULT '{}',
    version           bigint NOT NULL DEFAULT 0
);

CREATE TABLE devices (
    id         text NOT NULL,
    asset      text NOT NULL REFERENCES assets (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    profile    text,
    valid_from timestamptz NOT NULL DEFAULT '-infinity',
    valid_to   timestamptz NOT NULL DEFAULT 'infinity',
    version    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (id, asset, valid_from),
    CHECK (valid_from < valid_to)
);

CREATE TABLE areas (
    id       text PRIMARY KEY,
    type     text NOT NULL CHECK (type IN ('district', 'cell')),
    name     text NOT NULL DEFAULT '',
    polygon  jsonb NOT NULL              -- GeoJSON geometry, WGS 84
);

CREATE TABLE responsibilities (
    id         text PRIMARY KEY,
    level      text NOT NULL CHECK (level IN ('contract', 'area', 'guardian')),
    unit       text NOT NULL REFERENCES units (id),
    kind       text,                     -- NULL = any kind
    condition  text,                     -- NULL = any condition
    feeder     text,
    cabinet    text,
    contract   text,                     -- matches assets.attributes->>'contract'
    area       text,                     -- id of a district or cell
    valid_from date,
    valid_to   date,
    note       text NOT NULL DEFAULT ''
);

-- One row. A change of the register takes it first, so that versions become visible in the order of their numbers
-- (a sequence would let a reader see number 8 before the change with number 7 is committed, and miss it for ever).
CREATE TABLE register_state (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    version    bigint  NOT NULL DEFAULT 0,   -- of the newest change
    rules      bigint  NOT NULL DEFAULT 0    -- of the newest change of units, responsibilities or areas
);
INSERT INTO register_state DEFAULT VALUES;
COMMENT ON TABLE register_state IS 'workers take over what is newer than theirs';

-- what is newer than a worker's version
CREATE INDEX assets_version ON assets (version);
CREATE INDEX devices_version ON devices (version);
