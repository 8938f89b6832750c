-- daily: some measures of some assets by day (UTC): days, counts, means, least, greatest, sums; texts are left out
SELECT asset, measure,
       array_agg((extract(epoch FROM bucket) / 86400)::integer ORDER BY bucket) AS days,
       array_agg(n ORDER BY bucket) AS n, array_agg(avg ORDER BY bucket) AS mean, array_agg(min ORDER BY bucket) AS low,
       array_agg(max ORDER BY bucket) AS high, array_agg(sum ORDER BY bucket) AS total
FROM readings_1d
WHERE asset = ANY (%(assets)s) AND measure = ANY (%(measures)s) AND bucket >= %(begin)s AND bucket < %(end)s AND avg IS NOT NULL
GROUP BY asset, measure;

-- heard: messages of some assets, each from a day of its own on and before `end`, and on how many days
SELECT d.asset, coalesce(sum(d.n), 0)::bigint AS heard, count(d.n) AS days
FROM (
    SELECT w.asset, s.bucket, max(s.n) AS n
    FROM unnest(%(assets)s::text[], %(since)s::timestamptz[]) AS w (asset, since)
    JOIN readings_1d AS s ON s.asset = w.asset AND s.measure = ANY (%(measures)s) AND s.bucket >= w.since AND s.bucket < %(end)s
    GROUP BY 1, 2
) AS d
GROUP BY d.asset;

-- troubles: cases of some assets with an order, opened since a time, without planned ones and what people cancelled
SELECT c.asset, c.cause, c.opened_at, o.number
FROM cases c JOIN orders o ON o.case_id = c.id
WHERE c.asset = ANY (%(assets)s) AND c.opened_at >= %(since)s AND NOT starts_with(c.condition, 'PLAN-') AND o.state <> 'cancelled'
ORDER BY c.opened_at, o.number;

-- worked: when the crew last said of a planned order that it was done, by asset and condition
SELECT c.asset, c.condition, max(o.fixed_at) AS at
FROM cases c JOIN orders o ON o.case_id = c.id
WHERE c.asset = ANY (%(assets)s) AND c.condition = ANY (%(conditions)s) AND o.fixed_at IS NOT NULL AND o.state NOT IN ('rework', 'returned')
GROUP BY 1, 2;

-- firing: conditions that hold for some assets now
SELECT asset, condition FROM alerts
WHERE asset = ANY (%(assets)s) AND condition = ANY (%(conditions)s) AND phase <> 'resolved' AND NOT withdrawn AND NOT past;

-- of_assets: what is remembered of some assets
SELECT * FROM forecasts WHERE asset = ANY (%(assets)s);

-- save: forecasts as they are now
INSERT INTO forecasts AS f (asset, plan, why, forecast_at, low_at, high_at, samples, facts, points, detail, made_at, alert_id, onset_at,
                            raised_at, told_at, told_low_at, told_high_at, calm_at, reset_at, ended_at, counted)
SELECT e.asset, e.plan, e.why, e.forecast_at, e.low_at, e.high_at, e.samples, e.facts, e.points, e.detail, e.made_at, e.alert_id,
       e.onset_at, e.raised_at, e.told_at, e.told_low_at, e.told_high_at, e.calm_at, e.reset_at, e.ended_at, e.counted
FROM jsonb_populate_recordset(NULL::forecasts, %(rows)s) AS e
ON CONFLICT (asset, plan) DO UPDATE
SET why = excluded.why, forecast_at = excluded.forecast_at, low_at = excluded.low_at, high_at = excluded.high_at,
    samples = excluded.samples, facts = excluded.facts, points = excluded.points, detail = excluded.detail, made_at = excluded.made_at,
    alert_id = excluded.alert_id, onset_at = excluded.onset_at, raised_at = excluded.raised_at, told_at = excluded.told_at,
    told_low_at = excluded.told_low_at, told_high_at = excluded.told_high_at, calm_at = excluded.calm_at,
    reset_at = excluded.reset_at, ended_at = excluded.ended_at, counted = excluded.counted;

-- note_dates: forecasts that became others
INSERT INTO forecast_dates (asset, plan, made_at, why, forecast_at, low_at, high_at)
SELECT asset, plan, made_at, why, forecast_at, low_at, high_at FROM jsonb_populate_recordset(NULL::forecast_dates, %(rows)s)
ON CONFLICT (asset, plan, made_at) DO UPDATE
SET why = excluded.why, forecast_at = excluded.forecast_at, low_at = excluded.low_at, high_at = excluded.high_at;

-- dates: how a forecast changed, newest first
SELECT plan, made_at, why, forecast_at, low_at, high_at FROM forecast_dates WHERE asset = %(asset)s ORDER BY made_at DESC, plan LIMIT %(limit)s;

-- listed: forecasts with their places and orders, soonest first
SELECT f.asset, f.plan, f.why, f.forecast_at, f.low_at, f.high_at, f.samples, f.detail, f.made_at, f.alert_id, a.district, a.cell,
       o.number AS "order", o.state AS order_state, o.unit, o.due_at
FROM forecasts f
LEFT JOIN assets a ON a.id = f.asset
LEFT JOIN alerts l ON l.id = f.alert_id
LEFT JOIN orders o ON o.case_id = l.case_id AND o.state NOT IN ('closed', 'cancelled')
WHERE (%(plan)s::text IS NULL OR f.plan = %(plan)s) AND (%(why)s::text IS NULL OR f.why = %(why)s)
  AND (%(why)s::text IS NOT NULL OR f.forecast_at IS NOT NULL OR f.alert_id IS NOT NULL)
  AND (%(before)s::timestamptz IS NULL OR f.forecast_at < %(before)s)
  AND (%(district)s::text IS NULL OR a.district = %(district)s)
  AND (NOT %(planned)s OR f.alert_id IS NOT NULL)
ORDER BY f.forecast_at NULLS LAST, f.asset, f.plan LIMIT %(limit)s;

-- of_asset: everything about the forecasts of one asset
SELECT f.*, o.number AS "order", o.state AS order_state
FROM forecasts f
LEFT JOIN alerts l ON l.id = f.alert_id
LEFT JOIN orders o ON o.case_id = l.case_id AND o.state NOT IN ('closed', 'cancelled')
WHERE f.asset = %(asset)s ORDER BY f.plan;

-- tally: how many forecasts of each kind have which reason
SELECT plan, why, count(*) AS n FROM forecasts GROUP BY plan, why;

-- forecast_orders: planned orders ever opened
SELECT count(*) AS n FROM orders o JOIN cases c ON c.id = o.case_id WHERE starts_with(c.condition, 'PLAN-');

-- run: how the run of the day stands, held until the end of the transaction
SELECT next_at, began_at, next_asset, ended_at, assets, raised, amended, resolved FROM forecast_run FOR UPDATE;

-- run_now: how the run of the day stands
SELECT next_at, began_at, next_asset, ended_at, assets, raised, amended, resolved FROM forecast_run;

-- due: is there anything to do?
SELECT next_asset IS NOT NULL OR next_at IS NULL OR next_at <= %(now)s AS due FROM forecast_run;

-- set_next: the next run
UPDATE forecast_run SET next_at = %(next_at)s;

-- begin: a run begins
UPDATE forecast_run SET next_at = %(next_at)s, began_at = %(now)s, next_asset = '', ended_at = NULL, assets = 0, raised = 0, amended = 0, resolved = 0;

-- went_on: how far the run has come; no asset: it is over
UPDATE forecast_run
SET next_asset = %(asset)s, assets = assets + %(assets)s, raised = raised + %(raised)s, amended = amended + %(amended)s,
    resolved = resolved + %(resolved)s, ended_at = CASE WHEN %(asset)s::text IS NULL THEN %(now)s END;

-- forget: forecasts of assets that the register has no more, without a planned order
DELETE FROM forecasts f WHERE f.alert_id IS NULL AND NOT EXISTS (SELECT FROM assets a WHERE a.id = f.asset);
