"""The profiles of cities: whole, true to their sources; the most specific row counts; own rows win; faults are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from citybrain.kernel.errors import ConfigError, NotFound
from dispatch.limit_rows import COLUMNS, MORE
from dispatch.limits import CLOCKS, MAKE_SAFE, REPAIR, stated
from dispatch.profiles import SHIPPED, check_profile, load_profile

HEADER = ",".join(COLUMNS)

MUNICIPAL = {
    "MH-MISSING": (2, "urgent_hour"),
    "MH-DAMAGED": (4, "work_hour"),
    "MH-ROCKING": (2, "work_day"),
    "MH-FRAME": (5, "work_day"),
    "MH-FLOOD": (2, "urgent_hour"),
    "MH-GAS": (1, "urgent_hour"),
    "SL-OUT": (2, "work_day"),
    "SL-GROUP": (1, "work_day"),
    "SL-POLE": (1, "work_day"),
    "SL-SCHEDULE": (2, "work_hour"),
    "SL-ELECTRIC": (1, "work_day"),
    "DR-BLOCKED": (1, "work_day"),
    "DR-OVERFLOW": (4, "work_hour"),
    "DR-PIPE": (1, "urgent_hour"),
    "RD-FLOOD": (2, "urgent_hour"),
    "DR-SILT": (5, "work_day"),
    "DEV-REPAIR": (5, "work_day"),
}

COUNCILS = {
    ("SL-OUT", "minor", None): (10, "natural_day"),
    ("SL-OUT", "minor", "primary"): (10, "natural_day"),
    ("SL-OUT", "minor", "residential"): (28, "natural_day"),
    ("SL-SCHEDULE", "minor", None): (10, "natural_day"),
    ("SL-GROUP", "major", None): (2, "work_day"),
    ("SL-ELECTRIC", "minor", None): (5, "work_day"),
    ("MH-MISSING", "critical", None): (2, "work_day"),
    ("MH-FRAME", "major", None): (5, "natural_day"),
    ("MH-FRAME", "minor", None): (28, "natural_day"),
}


def profile(folder: Path, **changes: object) -> str:
    """A profile of one item in a file."""
    row = {"limit": "2 work_day", "source": "our contract"}
    words = {"en": "a", "zh": "甲"}
    item = {"kind": "manhole", "object": words, "filed": words, "closed": words, "make_safe": [row], "repair": [row]}
    body = {"title": words, "street_classes": {"main": ["A"]}, "items": {"MH-X": item | changes}}
    path = folder / "city.yml"
    plain = json.loads(json.dumps(body))  # what stands twice is written twice
    path.write_text(yaml.safe_dump(plain, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_profile_is_whole(name: str) -> None:
    assert check_profile(name, needed=MUNICIPAL) == []
    for item in load_profile(name):
        for clock in CLOCKS:
            for limit in item.rows(clock):
                assert limit.source.startswith(("[V]", "[M]", "[I]")), (item.item, limit)
        assert item.checklist or item.item.startswith("PL-"), item.item


def test_the_municipal_table_states_the_repair_and_its_source_the_same() -> None:
    book = load_profile("cn")
    found = {item.item: book.limit(REPAIR, item.item) for item in book}
    assert {name: (limit.value, limit.unit) for name, limit in found.items() if name in MUNICIPAL} == MUNICIPAL
    for name in MUNICIPAL:
        assert stated(found[name].source) == (found[name].value, found[name].unit)


@pytest.mark.parametrize(("item", "severity", "street"), COUNCILS)
def test_the_councils(item: str, severity: str, street: str | None) -> None:
    limit = load_profile("uk").limit(REPAIR, item, severity, street)
    assert (limit.value, limit.unit) == COUNCILS[item, severity, street]
    assert limit.source.startswith("[V]")


def test_nothing_is_repaired_before_it_must_be_safe() -> None:
    per = {"urgent_minute": 1 / 60, "urgent_hour": 1.0, "natural_day": 24.0, "work_hour": 1.0, "work_day": 8.0}
    for name in SHIPPED:
        for item in load_profile(name):
            for severity in ("critical", "major", "minor"):
                safe, repair = (item.limit(clock, severity) for clock in CLOCKS)
                assert safe is not None
                assert repair is not None
                assert safe.value * per[safe.unit] <= repair.value * per[repair.unit], (name, item.item, severity)


def test_the_row_that_names_most_counts_and_severity_before_street(tmp_path: Path) -> None:
    rows = [
        {"limit": "8 work_day", "source": "s"},
        {"limit": "4 work_day", "source": "s", "street_class": "main"},
        {"limit": "2 work_day", "source": "s", "severity": "major"},
        {"limit": "1 work_day", "source": "s", "severity": "critical", "street_class": "main"},
    ]
    book = load_profile(profile(tmp_path, repair=rows))
    found = {
        (severity, street): book.limit(REPAIR, "MH-X", severity, street).value
        for severity in ("critical", "major", "minor")
        for street in ("A", "main", "B", None)
    }
    assert found == {
        ("critical", "A"): 1, ("critical", "main"): 1, ("critical", "B"): 8, ("critical", None): 8,
        ("major", "A"): 2, ("major", "main"): 2, ("major", "B"): 2, ("major", None): 2,
        ("minor", "A"): 4, ("minor", "main"): 4, ("minor", "B"): 8, ("minor", None): 8,
    }  # fmt: skip


ROW = {"limit": "2 work_day", "source": "s"}
FAULTS = [
    ({"repair": [{"limit": "2 days", "source": "s"}]}, "items.MH-X.repair[0].limit", "urgent_hour"),
    ({"repair": [{"limit": "two work_day", "source": "s"}]}, "items.MH-X.repair[0].limit", "not a number"),
    ({"repair": [{"limit": "4000 work_day", "source": "s"}]}, "items.MH-X.repair[0].limit", "at most"),
    ({"repair": [{"limit": "2 work_hour", "source": "2紧急工作时"}]}, "items.MH-X.repair[0].source", "2 urgent_hour"),
    ({"repair": [ROW, ROW]}, "items.MH-X.repair[1]", "two rows"),
    ({"repair": [ROW | {"severity": "huge"}]}, "items.MH-X.repair[0].severity", "critical"),
    ({"repair": [ROW | {"street_class": "lane"}]}, "items.MH-X.repair[0].street_class", "one of main"),
    ({"repair": [ROW | {"severity": "major"}]}, "items.MH-X.repair", "one row for every"),
    ({"make_safe": []}, "items.MH-X.make_safe", "at least 1"),
    ({"kind": "lamp"}, "items.MH-X.kind", "streetlight"),
    ({"checklist": "cover"}, "items.MH-X.checklist", "checklists: none"),
    ({"limit": 4}, "items.MH-X.limit", "unknown key"),
]


@pytest.mark.parametrize(("changes", "key", "part"), FAULTS, ids=[key + part for _, key, part in FAULTS])
def test_every_fault_of_a_profile_names_file_line_and_key(
    tmp_path: Path, changes: dict[str, object], key: str, part: str
) -> None:
    path = profile(tmp_path, **changes)
    errors = check_profile(path)
    assert any((error.file, error.key) == (path, key) and error.line > 1 and part in error.message for error in errors), errors
    with pytest.raises(ConfigError):
        load_profile(path)


def test_a_missing_item_is_a_fault_of_the_profile(tmp_path: Path) -> None:
    (error,) = check_profile(profile(tmp_path), needed=["MH-X", "SL-OUT"])
    assert (error.key, "missing" in error.message) == ("items.SL-OUT", True)
    assert error.line > 1


def test_an_unknown_profile_says_which_there_are() -> None:
    with pytest.raises(ConfigError, match="cn, uk, or a file"):
        load_profile("atlantis")


def test_an_unknown_item_names_those_there_are() -> None:
    with pytest.raises(NotFound, match="SL-OUT"):
        load_profile().of("SL-BROKEN")


def rows(folder: Path, *lines: str, more: tuple[str, ...] = ()) -> Path:
    """A CSV of own rows."""
    path = folder / "limits.csv"
    path.write_text("\ufeff" + "\n".join([",".join((*COLUMNS, *more)), *lines]) + "\n", encoding="utf-8")
    return path


def test_a_citys_own_row_wins_and_the_others_stay(tmp_path: Path) -> None:
    own = rows(tmp_path, "SL-OUT,streetlight,lamp,灯,out,不亮,5,work_day,lit,亮,our contract")
    book = load_profile("uk", own)
    assert book.limit(REPAIR, "SL-OUT", "minor", "residential").value == 5, "own rows stand instead of all of the profile's"
    assert book.limit(MAKE_SAFE, "SL-OUT") == load_profile("uk").limit(MAKE_SAFE, "SL-OUT")
    assert (book.of("SL-OUT").close_en, len(book)) == ("lit", len(load_profile("uk")))


def test_own_rows_may_name_severity_street_and_both_clocks(tmp_path: Path) -> None:
    own = rows(
        tmp_path, "SL-OUT,streetlight,lamp,灯,out,不亮,1,work_day,lit,亮,our contract,major,primary,3,urgent_hour,", more=MORE
    )
    book = load_profile("cn", own)
    assert book.limit(REPAIR, "SL-OUT", "major", "secondary").value == 1
    assert book.limit(REPAIR, "SL-OUT", "minor", "primary").value == 2, "what the own rows do not speak of stays"
    safe = book.limit(MAKE_SAFE, "SL-OUT", "major", "primary")
    assert (safe.value, safe.unit, safe.source) == (3, "urgent_hour", "our contract")


@pytest.mark.parametrize(
    ("row", "key", "part"),
    [
        ("SL-OUT,streetlight,a,b,c,d,two,work_day,e,f,g", "value", "not a number"),
        ("SL-OUT,streetlight,a,b,c,d,0,work_day,e,f,g", "value", "above 0"),
        ("SL-OUT,streetlight,a,b,c,d,nan,work_day,e,f,g", "value", "above 0"),
        ("SL-OUT,streetlight,a,b,c,d,4000,work_day,e,f,g", "value", "at most"),
        ("SL-OUT,streetlight,a,b,c,d,2,days,e,f,g", "unit", "urgent_hour"),
        ("SL-OUT,lamp,a,b,c,d,2,work_day,e,f,g", "kind", "streetlight"),
        (",streetlight,a,b,c,d,2,work_day,e,f,g", "item", "empty"),
        ("SL-OUT,streetlight,a,b,c,d,2,work_day,e,f", "source", "empty"),
        # the text of the source wins over the stored type: 2紧急工作时 is not two working hours
        ("SL-OUT,streetlight,a,b,c,d,2,work_hour,e,f,2紧急工作时", "source", "2 urgent_hour"),
    ],
)
def test_every_fault_of_a_row_names_file_line_and_column(tmp_path: Path, row: str, key: str, part: str) -> None:
    own = rows(tmp_path, row)
    (error,) = check_profile("cn", own)
    assert (error.file, error.line, error.key) == (str(own), 2, key)
    assert part in error.message


def test_a_new_item_of_a_csv_needs_both_clocks(tmp_path: Path) -> None:
    (error,) = check_profile("cn", rows(tmp_path, "OWN-1,manhole,a,b,c,d,2,work_day,e,f,g"))
    assert error.key == "safe_value"


def test_a_row_must_not_stand_twice(tmp_path: Path) -> None:
    line = "SL-OUT,streetlight,lamp,灯,out,不亮,5,work_day,lit,亮,our contract"
    (error,) = check_profile("cn", rows(tmp_path, line, line))
    assert (error.line, error.key) == (3, "item")
