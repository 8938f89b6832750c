-- Quiet times: what the trends say of each asset, and how far the run of the day has come.

CREATE TABLE forecasts (
    asset        text COLLATE "C" NOT NULL,
    plan         text             NOT NULL CHECK (plan IN ('silt', 'battery', 'cover', 'lamp', 'repeat')),
    why          text             NOT NULL,   -- reason: why there is a date and a planned order, or why not
    forecast_at  timestamptz,
    low_at       timestamptz,
    high_at      timestamptz,
    samples      integer          NOT NULL,
    facts        jsonb            NOT NULL,   -- [name, what was found]: numbers that the date was made of
    points       jsonb            NOT NULL,   -- [ms, measure, value]: the newest of the series
    detail       text             NOT NULL,
    made_at      timestamptz      NOT NULL,   -- city time of the run that last found something else than the run before
    alert_id     uuid,                        -- of the planned order while it is open
    onset_at     timestamptz,
    raised_at    timestamptz,
    told_at      timestamptz,                 -- the date that the order says, with its interval
    told_low_at  timestamptz,
    told_high_at timestamptz,
    calm_at      timestamptz,                 -- well since
    reset_at     timestamptz,                 -- put back (cleaned, changed, repaired) last at
    ended_at     timestamptz,                 -- when the last planned order ended
    counted      jsonb,                       -- battery: what was counted so far
    PRIMARY KEY (asset, plan),
    CHECK ((alert_id IS NULL) = (raised_at IS NULL)),
    CHECK ((forecast_at IS NULL) = (low_at IS NULL) AND (forecast_at IS NULL) = (high_at IS NULL)),
    CHECK (low_at <= forecast_at AND forecast_at <= high_at)
);
COMMENT ON TABLE forecasts IS 'What the trends say of an asset, one row for each kind of forecast; city time. Written by the daily run, in the transaction of the alerts that come of it.';
CREATE INDEX forecasts_dated ON forecasts (forecast_at) WHERE forecast_at IS NOT NULL;
-- an alert is the planned order of one forecast
CREATE UNIQUE INDEX forecasts_alert ON forecasts (alert_id) WHERE alert_id IS NOT NULL;

CREATE TABLE forecast_dates (
    asset       text COLLATE "C" NOT NULL,
    plan        text             NOT NULL,
    made_at     timestamptz      NOT NULL,
    why         text             NOT NULL,
    forecast_at timestamptz,
    low_at      timestamptz,
    high_at     timestamptz,
    PRIMARY KEY (asset, plan, made_at)
);
COMMENT ON TABLE forecast_dates IS 'How forecasts changed: a row whenever the reason became another one, or the date left the interval that the row before it has.';

CREATE TABLE forecast_run (
    one        boolean     PRIMARY KEY DEFAULT true CHECK (one),
    next_at    timestamptz,                       -- the next run, city time
    began_at   timestamptz,
    next_asset text COLLATE "C",                  -- assets up to this one are done; null: none is under way
    ended_at   timestamptz,
    assets     bigint      NOT NULL DEFAULT 0,    -- of the run under way, else of the last one
    raised     bigint      NOT NULL DEFAULT 0,
    amended    bigint      NOT NULL DEFAULT 0,
    resolved   bigint      NOT NULL DEFAULT 0
);
COMMENT ON TABLE forecast_run IS 'One row: when the next run is due, and how far the one of today has come. A run that was interrupted goes on where it was.';
INSERT INTO forecast_run DEFAULT VALUES;
