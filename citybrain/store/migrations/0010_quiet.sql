-- Quiet: silences, windows, planned works, approved openings; and which cases they mute now.

CREATE TABLE silences (
    id             uuid PRIMARY KEY,
    number         bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    sort           text        NOT NULL CHECK (sort IN ('silence', 'window', 'works', 'opening')),
    state          text        NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'active', 'ended')),
    matchers       text[]      NOT NULL DEFAULT '{}',   -- in Alertmanager's syntax; all must hold
    scope          jsonb       NOT NULL DEFAULT '{}',   -- works: asset, feeder, street, district, cell, polygon
    author         text        NOT NULL CHECK (btrim(author) <> ''),
    reason         text        NOT NULL CHECK (btrim(reason) <> ''),
    approver       text        CHECK (btrim(approver) <> ''),
    reference      text        UNIQUE,                  -- works: the number of the permit, so that a list can be imported again
    created_at     timestamptz NOT NULL,                -- city time, as all times here
    begins_at      timestamptz NOT NULL,                -- of a window: of its present or next turn
    ends_at        timestamptz,
    until_resolved boolean     NOT NULL DEFAULT false,
    recurrence     jsonb,
    asset          text,                                -- the key, where it is exactly one
    condition      text,
    revision       integer     NOT NULL DEFAULT 0,      -- counts its changes
    ended_at       timestamptz,
    ended_by       text,
    ended_reason   text,
    CHECK (matchers <> '{}' OR scope <> '{}'),
    CHECK (ends_at IS NOT NULL OR until_resolved),
    CHECK (begins_at < ends_at OR ended_by IS NOT NULL),
    CHECK (NOT until_resolved OR (asset IS NOT NULL AND condition IS NOT NULL)),
    CHECK ((sort = 'window') = (recurrence IS NOT NULL)),
    CHECK (sort <> 'opening' OR (asset IS NOT NULL AND approver IS NOT NULL))
);
COMMENT ON TABLE silences IS 'What shall raise no order and no notice for a while: who said so, why, from when to when. Kept for good.';
CREATE INDEX silences_standing ON silences (begins_at) WHERE state <> 'ended';
CREATE INDEX silences_ending ON silences (ends_at) WHERE state = 'active';
CREATE INDEX silences_until_resolved ON silences (asset, condition) WHERE state <> 'ended' AND until_resolved;

CREATE TABLE mutes (
    case_id    uuid PRIMARY KEY REFERENCES cases (id),
    silence_id uuid        NOT NULL REFERENCES silences (id),
    since      timestamptz NOT NULL,
    held       text[]      NOT NULL DEFAULT '{}'        -- reminders and steps that came due meanwhile
);
COMMENT ON TABLE mutes IS 'Cases that a silence covers now. Changed only by who holds the case.';
CREATE INDEX mutes_silence ON mutes (silence_id);

-- pages of alerts, newest first, with a hundred thousand of them open
CREATE INDEX alerts_newest ON alerts (onset_at DESC, id DESC);
CREATE INDEX alerts_live_newest ON alerts (onset_at DESC, id DESC) WHERE phase <> 'resolved' AND NOT withdrawn AND NOT past;
