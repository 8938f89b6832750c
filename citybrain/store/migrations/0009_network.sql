-- What hangs on what: the order of the poles on a feeder, where the water goes, which rain falls where; and what a group knows.

ALTER TABLE assets
    ADD COLUMN feeder_pos double precision,   -- place on its feeder, counted from the cabinet
    ADD COLUMN downstream text,               -- the asset that its water reaches next
    ADD COLUMN catchment  text;               -- of a rain gauge: the catchment that it measures
COMMENT ON COLUMN assets.feeder_pos IS 'place of a pole on its feeder, counted from the cabinet; poles of one feeder without it are in no order';

ALTER TABLE cases
    ADD COLUMN lat       double precision,
    ADD COLUMN lon       double precision,
    ADD COLUMN spot      text,                -- cause and cell of a grid: who may have told the same fault
    ADD COLUMN raised_at timestamptz,         -- when the alert that opened it was raised; siblings are compared by it
    ADD COLUMN facts     jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN cases.facts IS 'what is known of the group: the rule that formed it, the span of a cut cable, how many fell of how many';

-- open cases of a cause in a cell of the grid
CREATE INDEX cases_open_spot ON cases (spot) WHERE state <> 'closed' AND spot IS NOT NULL;
-- whose waiting cases hang below an asset
CREATE INDEX cases_waiting_below ON cases USING gin (parents) WHERE state = 'gathering';
