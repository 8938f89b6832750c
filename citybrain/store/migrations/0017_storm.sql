-- Storm mode: which districts have more open cases than their crews can work on, and what is worked on first.

CREATE TABLE storms (
    id         uuid        PRIMARY KEY,     -- derived from district and begin
    district   text        NOT NULL,
    began_at   timestamptz NOT NULL,        -- city time
    calm_since timestamptz,                 -- since when few cases are left
    ended_at   timestamptz,
    cases      integer     NOT NULL,        -- open cases when it began
    capacity   double precision NOT NULL,   -- what the crews could have
    reason     text        NOT NULL,        -- of the last step
    CHECK (ended_at IS NULL OR ended_at >= began_at)
);
-- one storm at a time in a district
CREATE UNIQUE INDEX storms_one_on ON storms (district) WHERE ended_at IS NULL;
COMMENT ON TABLE storms IS 'Storm mode of districts: while one is on, drains are grouped by catchment.';

CREATE TABLE storm_ranks (
    case_id uuid        NOT NULL REFERENCES cases (id),
    asset   text        NOT NULL,
    rank    integer     NOT NULL CHECK (rank > 0),
    points  double precision NOT NULL,
    why     jsonb       NOT NULL,           -- name -> points
    at      timestamptz NOT NULL,
    PRIMARY KEY (case_id, asset)
);
COMMENT ON TABLE storm_ranks IS 'In which order the drains of a catchment are worked on, as it stood at the last run of the cycle.';
