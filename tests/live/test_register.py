"""The register in a real database."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from types import MappingProxyType

import pytest

from citybrain.kernel.model import Asset, Device, Unit
from citybrain.kernel.register import Area, Ownership, Register, Responsibility
from citybrain.store import register as store
from citybrain.store.db import ConstraintError, Database

pytestmark = pytest.mark.live

UNITS = [
    Unit("drainage", "Drainage service", "排水服务中心", "Asia/Shanghai", contacts=("log:drainage", "mailto:a@example.org")),
    Unit("district", "District office", guardian_of=("north", "*"), lead=("log:lead",), supervisor=("log:boss",)),
]
FULL = Asset(
    id="MH 1 – 井",
    kind="manhole",
    lat=31.25,
    lon=120.625,
    unit="drainage",
    district="north",
    cell="c-7",
    street_class="main",
    install_height_mm=1900.5,
    depth_mm=2000,
    pipe_diameter_mm=600,
    rated_power_w=0.1,
    feeder="F\\1",
    cabinet="C\t1",
    gateway="G\n1",
    model="dc410",
    interval_s=21600,
    schedule="late",
    name='a "name" \\N with everything\r\n',
    provisional=True,
    feeder_pos=7.5,
    downstream="MH\t2",
    catchment="c\\3",
    attributes=MappingProxyType({"contract": "K-1", "note": 'back\\slash "quoted"\nnext'}),
)
SQUARE = {"type": "Polygon", "coordinates": [[[120, 31], [121, 31], [121, 32], [120, 32], [120, 31]]]}


def saved(db: Database) -> Register:
    with db.transaction() as tx:
        return store.load_register(tx)


def test_everything_comes_back_as_it_was(db: Database) -> None:
    rules = [
        Responsibility(
            "r1",
            "contract",
            "drainage",
            "drain",
            "DR-BLOCK",
            "F1",
            "C1",
            "K1",
            "north",
            date(2026, 1, 1),
            date(2027, 1, 1),
            "n",
        ),
        Responsibility("r2", "guardian", "district"),
    ]
    areas = [Area("north", "district", "North", SQUARE)]
    devices = [
        Device("d1", FULL.id, "dc410", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)),
        Device("d1", "L1", "dc410", datetime(2026, 6, 1, tzinfo=UTC), None),
        Device("d2", "L1", None, None, None),
    ]
    with db.transaction() as tx:
        assert store.save_units(tx, UNITS) == 2
        assert store.save_areas(tx, areas) == 1
        assert store.save_responsibilities(tx, rules) == 2
        assert store.save_assets(tx, [FULL, Asset("L1", "streetlight")]) == (2, 0)
        assert store.save_devices(tx, devices) == 3
    found = saved(db)
    assert found.assets == {FULL.id: FULL, "L1": Asset("L1", "streetlight")}
    assert found.units == {unit.id: unit for unit in UNITS}
    assert list(found.responsibilities) == rules
    assert list(found.areas) == areas
    assert found.devices == {"d1": devices[:2], "d2": devices[2:]}
    assert found.version > 0


def test_saving_the_same_again_changes_nothing(db: Database) -> None:
    for expected in ((2, 0), (0, 0), (0, 0), (0, 0)):  # more than psycopg needs to prepare the statements
        with db.transaction() as tx:
            store.save_units(tx, UNITS)
            assert store.save_assets(tx, [FULL, Asset("L1", "streetlight")]) == expected
    with db.transaction() as tx:
        assert store.save_assets(tx, [replace(FULL, name="other"), Asset("L2", "streetlight")]) == (1, 1)
        assert store.save_assets(tx, [Asset("L3", "streetlight")]) == (1, 0)
        assert store.save_units(tx, UNITS) == 0
        assert store.assets_by_id(tx, ["L3", "none"]) == {"L3": Asset("L3", "streetlight")}


def test_a_worker_takes_over_only_what_is_newer(db: Database) -> None:
    with db.transaction() as tx:
        store.save_units(tx, UNITS)
        store.save_assets(tx, [Asset("A", "drain"), Asset("B", "drain")])
        store.save_devices(tx, [Device("d", "A")])
    version = saved(db).version
    with db.transaction() as tx:
        assert store.changed_since(tx, version) == (version, [], {}, None, {})
        store.save_assets(tx, [Asset("B", "drain", lat=1), Asset("A", "drain")])
        store.save_devices(tx, [Device("d", "B", valid_from=datetime(2026, 5, 1, tzinfo=UTC))])
    with db.transaction() as tx:
        changes = store.changed_since(tx, version)
    assert changes.version > version
    assert changes.assets == [Asset("B", "drain", lat=1)]
    may = datetime(2026, 5, 1, tzinfo=UTC)
    # the binding to A ended when the one to B began
    assert changes.devices == {"d": [Device("d", "A", valid_to=may), Device("d", "B", valid_from=may)]}
    assert changes.rules is None
    with db.transaction() as tx:
        store.save_areas(tx, [Area("north", "district", "", SQUARE)])
        rules = store.changed_since(tx, changes.version).rules
    assert rules is not None
    assert (len(rules.units), len(rules.areas)) == (2, 1)


def test_devices_of_one_controller_stand_beside_each_other(db: Database) -> None:
    with db.transaction() as tx:
        store.save_assets(tx, [Asset("A", "streetlight"), Asset("B", "streetlight")])
        store.save_devices(tx, [Device("controller", "A"), Device("controller", "B")])
    assert [device.asset for device in saved(db).devices["controller"]] == ["A", "B"]


def test_first_messages_add_and_never_overwrite(db: Database) -> None:
    known = Asset("A", "drain", lat=1, lon=2, unit="drainage")
    with db.transaction() as tx:
        store.save_units(tx, UNITS)
        store.save_assets(tx, [known])
        store.save_devices(tx, [Device("d", "A", "profile")])
        store.add_provisional(
            tx,
            [Asset("A", "manhole", provisional=True), Asset("N", "drain", provisional=True)],
            [Device("d", "N", "other"), Device("e", "N", "p")],
        )
        store.add_provisional(tx, [], [])
    found = saved(db)
    assert found.assets == {"A": known, "N": Asset("N", "drain", provisional=True)}
    assert found.devices == {"d": [Device("d", "A", "profile")], "e": [Device("e", "N", "p")]}


def test_no_change_is_missed_while_another_is_being_written(db: Database) -> None:
    with db.transaction() as slow:
        store.save_assets(slow, [Asset("slow", "drain")])
        done = threading.Event()

        def fast() -> None:
            with db.transaction() as tx:
                store.save_assets(tx, [Asset("fast", "drain")])
            done.set()

        other = threading.Thread(target=fast)
        other.start()
        # the second waits: a reader can never see its version before that of the first
        assert not done.wait(0.3)
        with db.transaction() as tx:
            seen = store.current_version(tx)
    other.join(10)
    with db.transaction() as tx:
        assert {asset.id for asset in store.changed_since(tx, seen).assets} == {"slow", "fast"}


def test_a_unit_that_does_not_exist_is_refused_and_nothing_is_saved(db: Database) -> None:
    with pytest.raises(ConstraintError, match="assets_unit"), db.transaction() as tx:
        store.save_assets(tx, [Asset("A", "drain", unit="nobody")])
    assert saved(db).assets == {}


def test_two_hundred_thousand_assets(db: Database) -> None:
    many = [
        Asset(f"SL-{n:06}", "streetlight", 31.2, 120.6, district="north", rated_power_w=60, feeder=f"F{n % 500}")
        for n in range(200_000)
    ]
    with db.transaction() as tx:
        assert store.save_assets(tx, many) == (200_000, 0)
    found = saved(db).assets
    assert len(found) == 200_000
    assert found["SL-000000"].district is found["SL-199999"].district


def test_dated_owners_follow_one_another_and_are_taken_over(db: Database) -> None:
    with db.transaction() as tx:
        store.save_units(tx, UNITS)
        store.save_assets(tx, [Asset("A", "drain"), Asset("B", "drain")])
    version = saved(db).version
    first, second = UNITS[0].id, UNITS[1].id
    with db.transaction() as tx:
        store.save_ownerships(tx, [Ownership("A", first, source="by-law 4")])
        store.save_ownerships(tx, [Ownership("A", second, date(2026, 7, 1), source="contract K-9"), Ownership("B", first)])
    owners = [
        # the new owner ends the old one on the day before
        Ownership("A", first, None, date(2026, 6, 30), "by-law 4"),
        Ownership("A", second, date(2026, 7, 1), None, "contract K-9"),
    ]
    with db.transaction() as tx:
        found = store.changed_since(tx, version)
        assert found.ownerships == {"A": owners, "B": [Ownership("B", first)]}
        assert (found.assets, found.rules) == ([], None)
        assert store.ownerships_of(tx, ["A", "none"]) == {"A": owners}
        assert store.save_ownerships(tx, owners) == 0, "the same again changes nothing"
    register = saved(db)
    assert register.ownerships["A"] == owners
    assert register.version > version
