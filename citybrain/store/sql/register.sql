-- version: the version of the register
SELECT version FROM register_state;

-- versions: both versions of the register
SELECT version, rules FROM register_state;

-- bump: the next version; holds the row, so that changes of the register come one after the other
UPDATE register_state SET version = version + 1 RETURNING version;

-- bump_rules: the next version, when units, responsibilities or areas change
UPDATE register_state SET version = version + 1, rules = version + 1 RETURNING version;

-- assets: every asset (columns in the order of kernel.model.Asset)
SELECT id, kind, lat, lon, unit, district, cell, street_class, install_height_mm, depth_mm, pipe_diameter_mm, rated_power_w,
       feeder, cabinet, gateway, model, interval_s, schedule, name, provisional,
       feeder_pos, downstream, catchment, attributes
FROM assets;

-- assets_since: assets changed after a version
SELECT id, kind, lat, lon, unit, district, cell, street_class, install_height_mm, depth_mm, pipe_diameter_mm, rated_power_w,
       feeder, cabinet, gateway, model, interval_s, schedule, name, provisional,
       feeder_pos, downstream, catchment, attributes
FROM assets WHERE version > %(version)s;

-- assets_by_id: some assets
SELECT id, kind, lat, lon, unit, district, cell, street_class, install_height_mm, depth_mm, pipe_diameter_mm, rated_power_w,
       feeder, cabinet, gateway, model, interval_s, schedule, name, provisional,
       feeder_pos, downstream, catchment, attributes
FROM assets WHERE id = ANY(%(ids)s);

-- devices: every binding of a device, oldest first
SELECT id, asset, profile, NULLIF(valid_from, '-infinity') AS valid_from, NULLIF(valid_to, 'infinity') AS valid_to
FROM devices ORDER BY id, devices.valid_from, asset;

-- devices_since: every binding of the devices of which one changed after a version
SELECT id, asset, profile, NULLIF(valid_from, '-infinity') AS valid_from, NULLIF(valid_to, 'infinity') AS valid_to
FROM devices WHERE id IN (SELECT id FROM devices WHERE version > %(version)s)
ORDER BY id, devices.valid_from, asset;

-- units: every unit
SELECT id, name, name_zh, timezone, calendar, contacts, lead, supervisor, guardian_of FROM units ORDER BY id;

-- responsibilities: every rule
SELECT id, level, unit, kind, condition, feeder, cabinet, contract, area, valid_from, valid_to, note, source
FROM responsibilities ORDER BY id;

-- ownerships: the dated owners of every asset, by their first day
SELECT asset, unit, NULLIF(valid_from, '-infinity') AS valid_from, NULLIF(valid_to, 'infinity') AS valid_to, source
FROM ownerships ORDER BY asset, ownerships.valid_from;

-- ownerships_of: the dated owners of some assets
SELECT asset, unit, NULLIF(valid_from, '-infinity') AS valid_from, NULLIF(valid_to, 'infinity') AS valid_to, source
FROM ownerships WHERE asset = ANY(%(ids)s) ORDER BY asset, ownerships.valid_from;

-- ownerships_since: the dated owners of the assets of which one changed after a version
SELECT asset, unit, NULLIF(valid_from, '-infinity') AS valid_from, NULLIF(valid_to, 'infinity') AS valid_to, source
FROM ownerships WHERE asset IN (SELECT asset FROM ownerships WHERE version > %(version)s)
ORDER BY asset, ownerships.valid_from;

-- areas: every district and cell
SELECT id, type, name, polygon FROM areas ORDER BY id;

-- stage_assets: a table for rows on their way in
CREATE TEMP TABLE IF NOT EXISTS staged_assets (LIKE assets) ON COMMIT DROP;

-- copy_assets: rows on their way in
COPY staged_assets (id, kind, lat, lon, unit, district, cell, street_class, install_height_mm, depth_mm, pipe_diameter_mm,
                    rated_power_w, feeder, cabinet, gateway, model, interval_s, schedule, name, provisional, feeder_pos, downstream,
                    catchment, attributes, version)
FROM STDIN;

-- take_assets: insert or change the staged assets; how many were new and how many changed
WITH taken AS (
    INSERT INTO assets AS a (id, kind, lat, lon, unit, district, cell, street_class, install_height_mm, depth_mm,
                             pipe_diameter_mm, rated_power_w, feeder, cabinet, gateway, model, interval_s, schedule, name,
                             provisional, feeder_pos, downstream, catchment, attributes, version)
    SELECT id, kind, lat, lon, unit, district, cell, street_class, install_height_mm, depth_mm,
           pipe_diameter_mm, rated_power_w, feeder, cabinet, gateway, model, interval_s, schedule, name,
           provisional, feeder_pos, downstream, catchment, attributes, version
    FROM staged_assets
    ON CONFLICT (id) DO UPDATE SET
        kind = excluded.kind, lat = excluded.lat, lon = excluded.lon, unit = excluded.unit, district = excluded.district,
        cell = excluded.cell, street_class = excluded.street_class, install_height_mm = excluded.install_height_mm,
        depth_mm = excluded.depth_mm, pipe_diameter_mm = excluded.pipe_diameter_mm, rated_power_w = excluded.rated_power_w,
        feeder = excluded.feeder, cabinet = excluded.cabinet, gateway = excluded.gateway, model = excluded.model,
        interval_s = excluded.interval_s, schedule = excluded.schedule, name = excluded.name,
        provisional = excluded.provisional, feeder_pos = excluded.feeder_pos, downstream = excluded.downstream,
        catchment = excluded.catchment, attributes = excluded.attributes, version = excluded.version
    WHERE (a.kind, a.lat, a.lon, a.unit, a.district, a.cell, a.street_class, a.install_height_mm, a.depth_mm,
           a.pipe_diameter_mm, a.rated_power_w, a.feeder, a.cabinet, a.gateway, a.model, a.interval_s, a.schedule, a.name,
           a.provisional, a.feeder_pos, a.downstream, a.catchment, a.attributes)
       IS DISTINCT FROM
          (excluded.kind, excluded.lat, excluded.lon, excluded.unit, excluded.district, excluded.cell, excluded.street_class,
           excluded.install_height_mm, excluded.depth_mm, excluded.pipe_diameter_mm, excluded.rated_power_w, excluded.feeder,
           excluded.cabinet, excluded.gateway, excluded.model, excluded.interval_s, excluded.schedule, excluded.name,
           excluded.provisional, excluded.feeder_pos, excluded.downstream, excluded.catchment, excluded.attributes)
    RETURNING (xmax = 0) AS new
)
SELECT count(*) FILTER (WHERE new) AS new, count(*) FILTER (WHERE NOT new) AS changed FROM taken;

-- drop_staged_assets: ready for the next call in the same transaction
DROP TABLE staged_assets;

-- add_asset: an asset that made itself known by a message; an asset that is there stays as it is
INSERT INTO assets (id, kind, lat, lon, district, interval_s, model, name, install_height_mm, depth_mm, provisional, attributes, version)
VALUES (%(id)s, %(kind)s, %(lat)s, %(lon)s, %(district)s, %(interval_s)s, %(model)s, %(name)s, %(install_height_mm)s,
        %(depth_mm)s, true, %(attributes)s, %(version)s)
ON CONFLICT (id) DO NOTHING;

-- add_device: a device that made itself known; a device that is bound stays as it is
INSERT INTO devices (id, asset, profile, version)
SELECT %(id)s, %(asset)s, %(profile)s, %(version)s
WHERE NOT EXISTS (SELECT FROM devices WHERE id = %(id)s)
ON CONFLICT DO NOTHING;

-- end_bindings: a binding that begins later ends the open one of the same device to another asset
UPDATE devices AS d SET valid_to = n.valid_from, version = %(version)s
FROM jsonb_to_recordset(%(rows)s) AS n (id text, asset text, valid_from timestamptz)
WHERE d.id = n.id AND d.asset <> n.asset AND d.valid_from < n.valid_from AND d.valid_to > n.valid_from;

-- save_devices: insert or change bindings
INSERT INTO devices AS d (id, asset, profile, valid_from, valid_to, version)
SELECT id, asset, profile, coalesce(valid_from, '-infinity'), coalesce(valid_to, 'infinity'), %(version)s
FROM jsonb_to_recordset(%(rows)s) AS n (id text, asset text, profile text, valid_from timestamptz, valid_to timestamptz)
ON CONFLICT (id, asset, valid_from) DO UPDATE
    SET profile = excluded.profile, valid_to = excluded.valid_to, version = excluded.version
WHERE (d.profile, d.valid_to) IS DISTINCT FROM (excluded.profile, excluded.valid_to);

-- save_units: insert or change units
INSERT INTO units AS u (id, name, name_zh, timezone, calendar, contacts, lead, supervisor, guardian_of)
SELECT id, name, name_zh, timezone, calendar, contacts, lead, supervisor, guardian_of
FROM jsonb_to_recordset(%(rows)s) AS n (id text, name text, name_zh text, timezone text, calendar text,
                                        contacts text[], lead text[], supervisor text[], guardian_of text[])
ON CONFLICT (id) DO UPDATE
    SET name = excluded.name, name_zh = excluded.name_zh, timezone = excluded.timezone, calendar = excluded.calendar,
        contacts = excluded.contacts, lead = excluded.lead, supervisor = excluded.supervisor,
        guardian_of = excluded.guardian_of
WHERE (u.name, u.name_zh, u.timezone, u.calendar, u.contacts, u.lead, u.supervisor, u.guardian_of)
   IS DISTINCT FROM
      (excluded.name, excluded.name_zh, excluded.timezone, excluded.calendar, excluded.contacts, excluded.lead,
       excluded.supervisor, excluded.guardian_of);

-- save_responsibilities: insert or change rules
INSERT INTO responsibilities AS r (id, level, unit, kind, condition, feeder, cabinet, contract, area, valid_from, valid_to,
                                   note, source)
SELECT id, level, unit, kind, condition, feeder, cabinet, contract, area, valid_from, valid_to, note, source
FROM jsonb_to_recordset(%(rows)s) AS n (id text, level text, unit text, kind text, condition text, feeder text, cabinet text,
                                        contract text, area text, valid_from date, valid_to date, note text, source text)
ON CONFLICT (id) DO UPDATE
    SET level = excluded.level, unit = excluded.unit, kind = excluded.kind, condition = excluded.condition,
        feeder = excluded.feeder, cabinet = excluded.cabinet, contract = excluded.contract, area = excluded.area,
        valid_from = excluded.valid_from, valid_to = excluded.valid_to, note = excluded.note, source = excluded.source
WHERE (r.level, r.unit, r.kind, r.condition, r.feeder, r.cabinet, r.contract, r.area, r.valid_from, r.valid_to, r.note, r.source)
   IS DISTINCT FROM
      (excluded.level, excluded.unit, excluded.kind, excluded.condition, excluded.feeder, excluded.cabinet, excluded.contract,
       excluded.area, excluded.valid_from, excluded.valid_to, excluded.note, excluded.source);

-- end_ownerships: an owner that begins later ends the one before it, on the day before
UPDATE ownerships AS o SET valid_to = n.valid_from - 1, version = %(version)s
FROM jsonb_to_recordset(%(rows)s) AS n (asset text, valid_from date)
WHERE o.asset = n.asset AND o.valid_from < n.valid_from AND o.valid_to >= n.valid_from;

-- save_ownerships: insert or change dated owners
INSERT INTO ownerships AS o (asset, unit, valid_from, valid_to, source, version)
SELECT asset, unit, coalesce(valid_from, '-infinity'), coalesce(valid_to, 'infinity'), source, %(version)s
FROM jsonb_to_recordset(%(rows)s) AS n (asset text, unit text, valid_from date, valid_to date, source text)
ON CONFLICT (asset, valid_from) DO UPDATE
    SET unit = excluded.unit, valid_to = excluded.valid_to, source = excluded.source, version = excluded.version
WHERE (o.unit, o.valid_to, o.source) IS DISTINCT FROM (excluded.unit, excluded.valid_to, excluded.source);

-- save_areas: insert or change districts and cells
INSERT INTO areas AS a (id, type, name, polygon)
SELECT id, type, name, polygon FROM jsonb_to_recordset(%(rows)s) AS n (id text, type text, name text, polygon jsonb)
ON CONFLICT (id) DO UPDATE SET type = excluded.type, name = excluded.name, polygon = excluded.polygon
WHERE (a.type, a.name, a.polygon) IS DISTINCT FROM (excluded.type, excluded.name, excluded.polygon);
