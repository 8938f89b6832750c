-- A city that moves from one database into another: where it is, and how far it has come.

CREATE TABLE city_move (
    one       boolean     PRIMARY KEY DEFAULT true CHECK (one),
    id        uuid        NOT NULL,      -- of the move, the same in both databases
    direction text        NOT NULL CHECK (direction IN ('out', 'in')),
    peer      text        NOT NULL,      -- the other database, without its password
    began_at  timestamptz NOT NULL,      -- machine time
    ended_at  timestamptz
);
COMMENT ON TABLE city_move IS 'A city lives in one database. out: it has left this one, or is about to; in: it came from another, and is not whole while ended_at is null.';

CREATE TABLE city_move_parts (
    part    text             PRIMARY KEY,
    next_at timestamptz      NOT NULL,
    rows    bigint           NOT NULL,
    seconds double precision NOT NULL
);
COMMENT ON TABLE city_move_parts IS 'What comes in many transactions: rows of times before next_at are here. Written in the transaction of the rows.';
