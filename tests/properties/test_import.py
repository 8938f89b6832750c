"""Whatever is in a file: every row is accounted for, ids are unique and fit a topic, and a second import changes nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from citybrain.kernel.model import Asset
from citybrain.register.building import Present, build, take_rows
from citybrain.register.fields import REASONS, Line, Refused
from citybrain.register.mapping import ColumnMap
from citybrain.register.mapspec import MapSpec
from citybrain.register.report import Report

HEADER = ("n", "x", "y", "w", "note")
word = st.sampled_from(
    ["", " ", "UNK", "7", "7", "a b", "/", "0", "-71.5", "42.5", "1e999", "nan", "250/85", "井盖", "\x00", "gone"]
) | st.text(max_size=6)
rows = st.lists(st.fixed_dictionaries(dict.fromkeys(HEADER, word)) | st.just(Refused("too_few_fields", "")), max_size=12)
specs = st.builds(
    lambda ids, duplicates, outside: MapSpec.model_validate(
        {
            "what": "assets",
            "id": ids,
            "duplicates": duplicates,
            "blank": ["UNK"],
            "skip": [{"column": "note", "words": ["gone"], "reason": "gone"}],
            "fields": {
                "kind": {"constant": "drain"},
                "lat": "y",
                "lon": "x",
                "rated_power_w": {"column": "w", "numbers": "sum", "min": 0, "max": 1000, "outside": outside},
                "attributes.note": "note",
            },
        }
    ),
    st.sampled_from([["{n}"], ["t-{n}", "p-{position}"], ["{position}"], ["{n}{w}", "{x}"]]),
    st.sampled_from(["refuse", "suffix", "merge"]),
    st.sampled_from(["refuse", "blank"]),
)


def imported(spec: MapSpec, lines: list[Line], present: dict[str, Asset]) -> tuple[list[Asset], Report]:
    report = Report("file", "assets")
    taken = take_rows(lines, ColumnMap(spec, HEADER), report)
    return build("assets", taken, Present(present), report), report


@given(specs, rows)
def test_every_row_is_accounted_for_and_a_second_import_changes_nothing(
    spec: MapSpec, found: list[dict[str, str] | Refused]
) -> None:
    lines: list[Line] = list(enumerate(found, 2))
    assets, report = imported(spec, lines, {})
    assert report.rows == len(found)
    assert report.rows == report.taken + report.repeated + report.skipped.total() + len(report.refused)
    assert set(report.reasons()) <= REASONS.keys()
    ids = [asset.id for asset in assets]
    assert len(ids) == len(set(ids)) == report.new
    for asset in assets:
        assert asset.id
        assert not set(asset.id) & set("/+# \t\n\x00{}")
        assert asset.rated_power_w is None or 0 <= asset.rated_power_w <= 1000
        assert (asset.lat is None) == (asset.lon is None)
    again, second = imported(spec, lines, {asset.id: asset for asset in assets})
    assert (again, second.unchanged) == ([], report.new)
