-- values: readings as CSV, in the order of asset, time and message; what stands in one row of a message only is put beside each of its values
COPY (
    SELECT asset, measure, observed_ms, value, label, quality, message, device, seq, received_ms
    FROM (
        SELECT asset, measure, observed_at, value, label, quality, message, (extract(epoch FROM observed_at) * 1000)::bigint AS observed_ms,
               coalesce(max(device) OVER whole, asset) AS device, max(seq) OVER whole AS seq,
               (extract(epoch FROM max(received_at) OVER whole) * 1000)::bigint AS received_ms
        FROM readings
        WHERE (%(assets)s::text[] IS NULL OR asset = ANY (%(assets)s::text[]))
          AND observed_at >= %(begin)s::timestamptz AND observed_at < %(end)s::timestamptz
        WINDOW whole AS (PARTITION BY asset, observed_at, message)
    ) AS messages
    WHERE measure <> '' AND (%(measures)s::text[] IS NULL OR measure = ANY (%(measures)s::text[]))
    ORDER BY asset, observed_at, message, measure
) TO STDOUT (FORMAT csv);
