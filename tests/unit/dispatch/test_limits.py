"""The table of limits: the shipped one is whole and agrees with its sources; a city's own wins by row; faults are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from citybrain.kernel.errors import ConfigError, NotFound
from dispatch.limits import COLUMNS, check_limits, load_limits, stated

HEADER = ",".join(COLUMNS)

SHIPPED = {
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


def test_the_shipped_table() -> None:
    assert check_limits() == []
    assert {limit.item: (limit.value, limit.unit) for limit in load_limits()} == SHIPPED


def test_every_row_says_where_it_comes_from_and_the_source_states_the_same_limit() -> None:
    for limit in load_limits():
        assert "运城市" in limit.source or "own choice" in limit.source
        assert stated(limit.source) == (limit.value, limit.unit)


def test_an_unknown_item_names_those_there_are() -> None:
    with pytest.raises(NotFound, match="SL-OUT"):
        load_limits().of("SL-BROKEN")


def test_a_citys_own_row_wins_and_the_others_stay(tmp_path: Path) -> None:
    own = tmp_path / "limits.csv"
    own.write_text(
        f"\ufeff{HEADER}\nSL-OUT,streetlight,lamp,灯,out,不亮,10,natural_day,lit,亮,East Sussex: 10 days\n", encoding="utf-8"
    )
    limits = load_limits(own)
    assert (limits.of("SL-OUT").value, limits.of("SL-OUT").unit) == (10, "natural_day")
    assert (limits.of("MH-MISSING").value, len(limits)) == (2, len(SHIPPED))


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
def test_every_fault_names_file_line_and_column(tmp_path: Path, row: str, key: str, part: str) -> None:
    own = tmp_path / "limits.csv"
    own.write_text(f"{HEADER}\n{row}\n", encoding="utf-8")
    (error,) = check_limits(own)
    assert (error.file, error.line, error.key) == (str(own), 2, key)
    assert part in error.message
    with pytest.raises(ConfigError):
        load_limits(own)


def test_all_faults_are_reported_and_a_second_row_of_an_item_is_one(tmp_path: Path) -> None:
    own = tmp_path / "limits.csv"
    good = "SL-OUT,streetlight,a,b,c,d,2,work_day,e,f,g"
    own.write_text(f"{HEADER}\n{good}\n{good}\n{good.replace('2', 'x')}\n", encoding="utf-8")
    assert [(error.line, error.key) for error in check_limits(own)] == [(3, "item"), (4, "value")]


def test_a_file_without_the_columns_or_that_is_not_there(tmp_path: Path) -> None:
    own = tmp_path / "limits.csv"
    own.write_text("item,limit\nSL-OUT,2\n", encoding="utf-8")
    assert "condition_en" in check_limits(own)[0].message
    assert "cannot be read" in check_limits(tmp_path / "none.csv")[0].message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2紧急工作时", (2, "urgent_hour")),
        ("4工作时", (4, "work_hour")),
        ("1.5 工作日", (1.5, "work_day")),
        ("3自然日", (3, "natural_day")),
        ("15分钟", (15, "urgent_minute")),
        ("恢复", None),
    ],
)
def test_limits_in_words(text: str, expected: tuple[float, str] | None) -> None:
    assert stated(text) == expected
