-- What people and dashboards read, the same in both kinds of archive; and the readings of the wide archive move into the narrow one.

CREATE VIEW readings_1m AS
SELECT bucket, asset, measure, n, total / nullif(numbers, 0) AS avg, low AS min, high AS max, total AS sum,
       (newest[1]).value AS last, (newest[1]).label AS label, (newest[1]).at AS last_at
FROM live_1m;
COMMENT ON VIEW readings_1m IS 'Values of each asset and measure by minute: how many, average, least, greatest, sum, the last one. Exact at every moment.';

CREATE VIEW readings_1h AS
SELECT bucket, asset, measure, n, total / nullif(numbers, 0) AS avg, low AS min, high AS max, total AS sum,
       (newest[1]).value AS last, (newest[1]).label AS label, (newest[1]).at AS last_at
FROM live_1h;
COMMENT ON VIEW readings_1h IS 'Values of each asset and measure by hour: how many, average, least, greatest, sum, the last one. Exact at every moment.';

CREATE VIEW readings_1d AS
SELECT bucket, asset, measure, n, total / nullif(numbers, 0) AS avg, low AS min, high AS max, total AS sum,
       (newest[1]).value AS last, (newest[1]).label AS label, (newest[1]).at AS last_at
FROM live_1d;
COMMENT ON VIEW readings_1d IS 'Values of each asset and measure by day (UTC): how many, average, least, greatest, sum, the last one. Exact at every moment.';

-- What the wide archive did not store: a message of another device is told apart by CRC-32 of that device's id.
CREATE FUNCTION pg_temp.crc32_of(name text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    bytes bytea  := convert_to(name, 'UTF8');
    crc   bigint := 4294967295;
BEGIN
    FOR i IN 0 .. length(bytes) - 1 LOOP
        crc := crc # get_byte(bytes, i);
        FOR bit IN 1 .. 8 LOOP
            crc := CASE WHEN crc & 1 = 1 THEN (crc >> 1) # 3988292384 ELSE crc >> 1 END;
        END LOOP;
    END LOOP;
    RETURN crc # 4294967295;
END $$;

SELECT readings_begin(coalesce((SELECT array_agg(DISTINCT date_bin('1 day', observed_at, '2000-01-01 00:00+00')) FROM readings_wide), '{}'));

INSERT INTO readings (asset, measure, observed_at, message, value, label, quality, kind, device, key, seq, received_at, window_ms)
SELECT w.asset, coalesce(v.name, ''), w.observed_at, w.message,
       CASE jsonb_typeof(v.value) WHEN 'number' THEN (v.value #>> '{}')::double precision WHEN 'boolean' THEN (v.value = 'true')::integer END,
       CASE WHEN jsonb_typeof(v.value) IN ('string', 'boolean') THEN v.value #>> '{}' END,
       w.flags + CASE WHEN w.quality = 1 THEN 256 ELSE 0 END
           + CASE WHEN jsonb_typeof(v.value) = 'number' AND v.value #>> '{}' NOT LIKE '%.%' THEN 512 ELSE 0 END,
       CASE WHEN v.first THEN w.kind END,
       CASE WHEN v.first AND w.device <> w.asset THEN w.device END,
       CASE WHEN v.first AND w.message <> w.key THEN w.key END,
       CASE WHEN v.first THEN w.seq END,
       CASE WHEN v.first THEN w.received_at END,
       CASE WHEN v.first THEN nullif(w.window_ms, 0) END
FROM (
    SELECT r.*, CASE WHEN r.device = r.asset THEN r.key ELSE r.key # (d.crc << 20) END AS message
    FROM readings_wide AS r
    JOIN (SELECT device, pg_temp.crc32_of(device) AS crc FROM (SELECT DISTINCT device FROM readings_wide) AS devices) AS d ON d.device = r.device
) AS w
CROSS JOIN LATERAL (
    SELECT e.key AS name, e.value, row_number() OVER (ORDER BY e.key) = 1 AS first
    FROM (SELECT) AS one LEFT JOIN jsonb_each(w.measures) AS e ON true
) AS v;

DROP TABLE readings_wide;
DROP FUNCTION pg_temp.crc32_of;
