"""Plans: what is shared, what is not, and what a change of the layout keeps."""

from __future__ import annotations

from citybrain.kernel.model import Asset
from rules import checkpoint
from rules.detectors import band, dry_high, expected_state, no_data, stuck, threshold
from rules.detectors.words import name_of, per_hour, span, with_unit
from rules.plan import MOST_SHAPES, Planner
from rules.rain import RainHistory
from rules.rulebook import Override
from tests.unit.rules.helpers import book, rule

BOOK = book(
    rule("TILT", "manhole", "threshold", threshold.Params("tilt_deg", 10, 5)),
    rule("LEVEL", "manhole", "threshold", threshold.Params("level_mm", 1.0, 0.8, of="depth_mm")),
    rule("STUCK", "any", "stuck", stuck.Params("level_mm", 5, 60)),
    rule("SILENT", "any", "no_data", no_data.Params()),
    rule("OUT", "streetlight", "expected_state", expected_state.Params("should_be_on")),
    rule(
        "LOW", "streetlight", "band", band.Params(low=(0.1, 0.7)), overrides=(Override(model="X", params={"low": (0.2, 0.6)}),)
    ),
    rule("BLOCK", "drain", "dry_high", dry_high.Params(limit=100)),
)


def test_assets_that_are_judged_alike_share_a_plan() -> None:
    one, two = Planner(BOOK, RainHistory()), Planner(BOOK, RainHistory())
    cover = one.plan(Asset("a", "manhole", depth_mm=1000, interval_s=60))
    assert two.plan(Asset("b", "manhole", depth_mm=2000, interval_s=900)) is cover
    lamp = one.plan(Asset("c", "streetlight", lat=31.21, lon=120.6, rated_power_w=60))
    assert two.plan(Asset("d", "streetlight", lat=31.19, lon=120.6, rated_power_w=90)) is lamp
    assert two.plan(Asset("e", "streetlight", lat=35.0, lon=120.6)) is not lamp
    assert two.plan(Asset("f", "streetlight", lat=31.21, lon=120.6, model="X")) is not lamp
    # A drain looks up the rain that its own engine has heard.
    assert one.plan(Asset("g", "drain", district="n")) is one.plan(Asset("h", "drain", district="n"))
    assert one.plan(Asset("g", "drain", district="n")) is not two.plan(Asset("g", "drain", district="n"))
    assert one.plan(Asset("g", "drain", district="n")) is not one.plan(Asset("g", "drain", district="s"))


def test_judges_are_chosen_by_the_measures_of_a_message() -> None:
    plan = Planner(BOOK, RainHistory()).plan(Asset("a", "manhole", depth_mm=1000))
    assert [one.id for one, _ in plan.judges_for({"tilt_deg": 1.0})] == ["TILT"]
    assert [one.id for one, _ in plan.judges_for({"level_mm": 1.0, "x": 2})] == ["LEVEL", "STUCK"]
    assert plan.judges_for({"battery_pct": 1}) == ()
    for number in range(2 * MOST_SHAPES):
        plan.judges_for({f"invented_{number}": 1})
    assert len(plan.shapes) == MOST_SHAPES


def test_an_unknown_kind_has_the_conditions_of_any() -> None:
    plan = Planner(BOOK, RainHistory()).plan(Asset("a", "fountain"))
    assert [one.id for one in plan.conditions] == ["SILENT", "STUCK"]


def test_the_memory_moves_with_its_condition() -> None:
    asset = Asset("a", "manhole", depth_mm=1000, interval_s=60)
    old = Planner(BOOK, RainHistory()).plan(asset)
    memory = old.memory(asset)
    at = old.by_id["STUCK"].base + old.by_id["STUCK"].fixed
    memory[at : at + 3] = old.memory(asset)[:0].__class__("d", [5.0, 6.0, 7.0])
    new = Planner(
        book(
            rule("A-NEW", "manhole", "stuck", stuck.Params("tilt_deg")),
            rule("STUCK", "any", "stuck", stuck.Params("level_mm", 9, 90)),
            rule("SILENT", "any", "stuck", stuck.Params("level_mm", 9, 90)),
        ),
        RainHistory(),
    ).plan(asset)
    moved = checkpoint.moved(memory, old.layout, new, asset)
    stuck_now = new.by_id["STUCK"]
    assert list(moved[stuck_now.base + stuck_now.fixed :][:3]) == [5.0, 6.0, 7.0]
    assert all(value != value for value in moved[new.by_id["A-NEW"].base :][:3])
    assert all(value != value for value in moved[new.by_id["SILENT"].base :][:3])


def test_words() -> None:
    assert [with_unit("tilt_deg", 12.5), with_unit("level_mm", 340), with_unit("start_count", 3)] == ["12.5°", "340 mm", "3"]
    assert [with_unit("dim_pct", 75), with_unit("h2s_ppm", 10), with_unit("temperature_cel", 85)] == ["75%", "10 ppm", "85 °C"]
    assert per_hour("level_mm", 480) == "480 mm/h"
    assert [name_of(name) for name in ("tilt_deg", "power_factor", "ch4_lel_pct", "flow_l_s", "lamp_on")] == [
        "tilt",
        "power factor",
        "ch4",
        "flow",
        "lamp on",
    ]
    assert [span(one) for one in (45, 60, 1800, 3600, 5400, 21600, 86400, 259200)] == [
        "45 s",
        "1 min",
        "30 min",
        "1 h",
        "90 min",
        "6 h",
        "1 d",
        "3 d",
    ]
