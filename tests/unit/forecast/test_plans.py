"""Each kind of forecast on series made by hand."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from citybrain.kernel.model import Asset, Device
from forecast import battery, cover, lamp, repeat, silt
from forecast.batches import Due, batches
from forecast.book import load_book
from forecast.days import DAY_MS, Day, Series
from forecast.finding import Finding, Why

PLANS = load_book().plans
TODAY = 20_000.0
FIRST = 20_000 - 60
PIPE = Asset("dr-1", "drain", pipe_diameter_mm=400)
COVER = Asset("mh-1", "manhole")


def days(values: list[float], n: int = 96, first: int = FIRST) -> Series:
    return [Day(first + number, n, value, value, value, value * n) for number, value in enumerate(values)]


def wobble(number: int) -> float:
    return (0.0, 0.8, -0.5, 0.3, -0.7)[number % 5]


def rising(begin: float, slope: float, number: int = 60) -> Series:
    return days([begin + slope * k + wobble(k) for k in range(number)])


def ahead(finding: Finding) -> float:
    """Days until the date."""
    assert finding.at_ms is not None
    return finding.at_ms / DAY_MS - TODAY


class TestSilt:
    def test_the_date_is_where_a_fifth_of_the_pipe_is_met(self) -> None:
        found = silt.forecast(PIPE, {"level_mm": rising(20, 0.8)}, frozenset(), TODAY, PLANS.silt)
        assert found.why is Why.AHEAD
        assert ahead(found) == pytest.approx((80 - 68) / 0.8, abs=2)
        assert dict(found.facts)["limit_mm"] == 80

    def test_above_the_threshold_it_is_due(self) -> None:
        assert silt.forecast(PIPE, {"level_mm": rising(60, 0.8)}, None, TODAY, PLANS.silt).why is Why.MET

    def test_wet_days_are_left_out(self) -> None:
        series = [one._replace(low=one.low + 100) if one.day % 3 == 0 else one for one in rising(20, 0.8)]
        wet = frozenset(day for day in range(FIRST, 20_000) if day % 3 == 0)
        found = silt.forecast(PIPE, {"level_mm": series}, wet, TODAY, PLANS.silt)
        assert found.samples == 40
        assert ahead(found) == pytest.approx(15, abs=3)

    def test_a_clean_level_of_the_register_is_added(self) -> None:
        pipe = Asset("dr-1", "drain", pipe_diameter_mm=400, attributes=MappingProxyType({"clean_level_mm": "15"}))
        assert dict(silt.forecast(pipe, {"level_mm": rising(20, 0.8)}, None, TODAY, PLANS.silt).facts)["limit_mm"] == 95

    def test_after_a_cleaning_the_trend_begins_anew(self) -> None:
        series = days([60 + 0.5 * k for k in range(57)] + [12.0, 12.5, 12.2])
        found = silt.forecast(PIPE, {"level_mm": series}, None, TODAY, PLANS.silt)
        assert (found.why, found.samples) == (Why.TOO_FEW_DAYS, 3)
        assert found.reset_ms == (FIRST + 57) * DAY_MS + DAY_MS // 2

    @pytest.mark.parametrize(
        ("asset", "series", "why"),
        [
            (Asset("dr-9", "drain"), rising(20, 0.8), Why.NO_THRESHOLD),
            (PIPE, [], Why.TOO_FEW_DAYS),
            (PIPE, rising(20, 0.8, 15), Why.STALE),
            (PIPE, rising(20, 0.0), Why.NORMAL),
            (PIPE, rising(30, -0.8), Why.NORMAL),
            (PIPE, rising(5, 0.2), Why.FAR_AWAY),
            (PIPE, days([20 + 15 * (k // 8 % 2) + 0.3 * k for k in range(60)]), Why.UNCERTAIN),
            (PIPE, days([10 + k * k * 7919 % 101 + 0.2 * k for k in range(60)]), Why.NO_TREND),
        ],
    )
    def test_why_there_is_no_plan(self, asset: Asset, series: Series, why: Why) -> None:
        found = silt.forecast(asset, {"level_mm": series}, None, TODAY, PLANS.silt)
        assert found.why is why
        assert not found.planned

    def test_today_is_not_over_and_does_not_count(self) -> None:
        series = [*rising(20, 0.0), Day(20_000, 3, 500, 500, 500, 1500)]
        assert silt.forecast(PIPE, {"level_mm": series}, None, TODAY + 0.4, PLANS.silt).samples == 60

    def test_wet_days_of_gauges(self) -> None:
        dry, wet = days([0.0] * 5, n=10), days([0.0, 0.0, 0.4, 0.0, 0.0], n=10)
        assert silt.wet_days([{"rain_mm": dry}, {"rain_mm": wet}], PLANS.silt) == {FIRST + 2, FIRST + 3}
        assert silt.wet_days([{}], PLANS.silt) is None


class TestBattery:
    MODEL = PLANS.batteries[0]
    SENSOR = Asset("mh-1", "manhole", interval_s=600, attributes=MappingProxyType({"sf": "12"}))

    def charge(self, age: float, daily: Any) -> battery.Charge:
        return battery.count(self.SENSOR, daily, TODAY - age, TODAY, PLANS.battery)

    @pytest.mark.parametrize(("uplinks", "years"), [(24, 11), (144, 2.5)])
    def test_known_lives_of_an_er26500_at_sf12(self, uplinks: int, years: float) -> None:
        per_day = uplinks * battery.uplink_mah(self.MODEL, 12) + battery.idle_mah(self.MODEL)
        assert 8500 * 0.8 / per_day / 365 == pytest.approx(years, rel=0.03)

    def test_the_date_is_where_the_usable_charge_ends(self) -> None:
        daily = {"battery_v": days([3.6] * 60, n=137)}
        found = battery.forecast(self.SENSOR, daily, self.MODEL, self.charge(850, daily), TODAY, PLANS.battery)
        assert ahead(found) == pytest.approx(2.5 * 365 - 850, abs=25)
        assert found.why is Why.AHEAD  # its early end is near
        assert dict(found.facts)["days_estimated"] == 790

    def test_the_voltage_says_nothing(self) -> None:
        made = []
        for volts in (3.65, 2.1):
            daily = {"battery_v": days([volts] * 60, n=137)}
            found = battery.forecast(self.SENSOR, daily, self.MODEL, self.charge(850, daily), TODAY, PLANS.battery)
            made.append((found.why, found.at_ms))
        assert made[0] == made[1]

    def test_days_without_a_word_cost_as_much_as_the_interval_says(self) -> None:
        whole, gap = {"snr_db": days([-5.0] * 60, n=144)}, {"snr_db": days([-5.0] * 30, n=144)}
        assert self.charge(60, gap).uplinks == pytest.approx(self.charge(60, whole).uplinks, rel=0.06)

    def test_counting_on_gives_the_same_as_counting_anew(self) -> None:
        daily = {"snr_db": days([-5.0] * 60, n=100)}
        begun = battery.count(self.SENSOR, daily, TODAY - 60, TODAY - 20, PLANS.battery)
        went_on = battery.count(self.SENSOR, daily, TODAY - 60, TODAY, PLANS.battery, begun)
        assert went_on == battery.count(self.SENSOR, daily, TODAY - 60, TODAY, PLANS.battery)

    def test_another_battery_is_counted_from_its_own_first_day(self) -> None:
        daily = {"snr_db": days([-5.0] * 60, n=144)}
        before = battery.Charge(TODAY - 800, 20_000 - 5, 1e5, 700)
        assert battery.count(self.SENSOR, daily, TODAY - 10, TODAY, PLANS.battery, before).days == 10

    def test_a_start_with_a_step_of_the_voltage_is_another_battery(self) -> None:
        boot = [Day(FIRST + 40, 1, 1, 1, 1, 1)]
        volts = days([3.55] * 40 + [3.7] * 20)
        assert battery.changed({"battery_v": volts, "boot": boot}, PLANS.battery) == FIRST + 40
        assert battery.changed({"battery_v": volts}, PLANS.battery) is None  # it recovered
        assert battery.changed({"battery_v": days([3.6] * 60), "boot": boot}, PLANS.battery) is None  # it only started anew
        assert battery.changed({"battery_pct": days([20.0] * 30 + [100.0] * 30)}, PLANS.battery) == FIRST + 30

    def test_which_spreading_factor(self) -> None:
        def of(asset: Asset, snr: float | None) -> tuple[int, str]:
            daily = {} if snr is None else {"snr_db": days([snr] * 60)}
            return battery.spreading_factor(asset, daily, self.MODEL, PLANS.battery.snr_margin_db)

        assert of(self.SENSOR, 10) == (12, "register")
        assert of(COVER, 10) == (7, "signal")
        assert of(COVER, -4) == (10, "signal")
        assert of(COVER, -19) == (12, "signal")
        assert of(COVER, None) == (10, "usual")

    def test_which_battery(self) -> None:
        def of(asset: Asset, profile: str | None = None) -> str | None:
            found = battery.model_of(asset, [Device("d", asset.id, profile)], PLANS.batteries)
            return found.name if found else None

        assert of(Asset("a", "drain"), "milesight_em410_rdl") == "er34615"
        assert of(Asset("a", "drain"), "dingtek_dc413") == "er26500"
        assert of(Asset("a", "drain", attributes=MappingProxyType({"battery": "er34615"}))) == "er34615"
        assert of(Asset("a", "drain", attributes=MappingProxyType({"battery": "aa"}))) is None
        assert of(Asset("a", "manhole")) == "er26500"
        assert of(Asset("a", "streetlight")) is None

    def test_why_there_is_no_plan(self) -> None:
        daily = {"snr_db": days([-5.0] * 60, n=144)}
        assert battery.forecast(self.SENSOR, daily, None, None, TODAY, PLANS.battery).why is Why.NO_MODEL
        assert battery.forecast(self.SENSOR, daily, self.MODEL, None, TODAY, PLANS.battery).why is Why.UNKNOWN_START
        fresh = self.charge(3, daily)
        assert battery.forecast(self.SENSOR, daily, self.MODEL, fresh, TODAY, PLANS.battery).why is Why.TOO_FEW_DAYS
        young = self.charge(60, daily)
        assert battery.forecast(self.SENSOR, daily, self.MODEL, young, TODAY, PLANS.battery).why is Why.FAR_AWAY

    def test_those_of_one_place_and_time_are_one_batch(self) -> None:
        places = {"a": "c1", "b": "c1", "c": "c1", "d": "c2"}
        assets = {name: Asset(name, "manhole", district="d1", cell=cell) for name, cell in places.items()}
        dues = [
            Due(name, at * DAY_MS, (at - 10) * DAY_MS)
            for name, at in (("b", 130), ("a", 100), ("c", 300), ("d", 120), ("x", 90))
        ]
        found = batches(dues, assets, by="cell", span_ms=60 * DAY_MS)
        assert [(one.place, [due.asset for due in one.dues]) for one in found] == [
            ("x", ["x"]), ("c1", ["a", "b"]), ("c2", ["d"]), ("c1", ["c"]),
        ]  # fmt: skip
        assert found[1].before_ms == 90 * DAY_MS
        whole = batches(dues, assets, by="district", span_ms=60 * DAY_MS)
        assert [(one.place, len(one.dues)) for one in whole] == [("x", 1), ("d1", 3), ("d1", 1)]


class TestCover:
    @staticmethod
    def counter(per_day: list[float]) -> Series:
        made, total = [], 100.0
        for number, knocks in enumerate(per_day):
            made.append(Day(FIRST + number, 96, total, total, total + knocks, 0.0))
            total += knocks
        return made

    def test_knocks_that_double_each_month(self) -> None:
        series = self.counter([30 * 2 ** (k / 20) * (1 + 0.05 * wobble(k)) for k in range(60)])
        found = cover.forecast(COVER, {"shock_count": series}, TODAY, PLANS.cover)
        assert found.why is Why.MET or ahead(found) < 3
        assert dict(found.facts)["sign"] == "shock_count"

    def test_a_frame_that_sinks(self) -> None:
        tilt = days([0.4 + 0.015 * k + 0.02 * wobble(k) for k in range(60)])
        found = cover.forecast(COVER, {"tilt_deg": tilt}, TODAY, PLANS.cover)
        assert found.why is Why.AHEAD
        assert ahead(found) == pytest.approx((1.5 - 1.3) / 0.015, abs=4)

    def test_the_nearer_date_counts(self) -> None:
        tilt = days([0.4 + 0.015 * k + 0.02 * wobble(k) for k in range(60)])
        calm = self.counter([10 + wobble(k) for k in range(60)])
        found = cover.forecast(COVER, {"tilt_deg": tilt, "shock_count": calm}, TODAY, PLANS.cover)
        assert dict(found.facts)["sign"] == "tilt_deg"

    def test_traffic_alone_is_normal(self) -> None:
        calm = self.counter([20 + 5 * wobble(k) for k in range(60)])
        level = days([0.5 + 0.1 * wobble(k) for k in range(60)])
        assert cover.forecast(COVER, {"tilt_deg": level, "shock_count": calm}, TODAY, PLANS.cover).why is Why.NORMAL

    def test_a_counter_that_starts_anew_gives_no_day(self) -> None:
        series = [*self.counter([10.0] * 5), Day(FIRST + 5, 96, 3, 0, 6, 0), Day(FIRST + 7, 96, 30, 20, 40, 0)]
        assert [value for _, value in cover.per_day({"shock_count": series})] == [10.0] * 4

    def test_nothing_known(self) -> None:
        assert cover.forecast(COVER, {}, TODAY, PLANS.cover).why is Why.TOO_FEW_DAYS


class TestLamp:
    LAMP = Asset("sl-1", "streetlight", rated_power_w=64, model="L")

    @staticmethod
    def burns(share: list[float], dim: float = 75) -> dict[str, Series]:
        return {
            "power_w": days([45 * value * (1 + 0.003 * wobble(k)) for k, value in enumerate(share)]),
            "dim_pct": days([dim] * len(share)),
        }

    @property
    def peers(self) -> lamp.Peers:
        return lamp.peers_of([self.burns([1 + 0.01 * wobble(k)] * 60) for k in range(10)])

    def test_power_that_falls(self) -> None:
        found = lamp.forecast(self.LAMP, self.burns([1 - 0.003 * k for k in range(60)]), self.peers, TODAY, PLANS.lamp)
        assert found.why is Why.AHEAD
        assert ahead(found) == pytest.approx(7, abs=2)
        assert dict(found.facts)["limit_share"] == 0.8

    def test_power_that_rises(self) -> None:
        found = lamp.forecast(self.LAMP, self.burns([1 + 0.006 * k for k in range(60)]), self.peers, TODAY, PLANS.lamp)
        assert ahead(found) == pytest.approx(8.5, abs=2)

    def test_a_replaced_lamp_begins_anew(self) -> None:
        shares = [1 - 0.003 * k for k in range(50)] + [1.0] * 10
        found = lamp.forecast(self.LAMP, self.burns(shares), self.peers, TODAY, PLANS.lamp)
        assert (found.why, found.samples) == (Why.TOO_FEW_DAYS, 10)
        assert found.reset_ms is not None

    def test_the_season_moves_all_and_means_nothing(self) -> None:
        season = [1 - 0.002 * k for k in range(60)]
        peers = lamp.peers_of([self.burns(season) for _ in range(10)])
        assert lamp.forecast(self.LAMP, self.burns(season), peers, TODAY, PLANS.lamp).why is Why.NORMAL

    def test_another_dimming_is_not_compared(self) -> None:
        found = lamp.forecast(self.LAMP, self.burns([0.5] * 60, dim=40), self.peers, TODAY, PLANS.lamp)
        assert found.why is Why.TOO_FEW_PEERS

    def test_few_peers_are_no_measure(self) -> None:
        peers = lamp.peers_of([self.burns([1.0] * 60) for _ in range(3)])
        assert lamp.forecast(self.LAMP, self.burns([0.9] * 60), peers, TODAY, PLANS.lamp).why is Why.TOO_FEW_PEERS

    def test_a_lamp_that_does_not_burn(self) -> None:
        assert lamp.forecast(self.LAMP, {}, self.peers, TODAY, PLANS.lamp).why is Why.TOO_FEW_DAYS


class TestRepeat:
    @staticmethod
    def cases(*ages: float, cause: str = "blockage") -> list[repeat.Case]:
        return [repeat.Case(TODAY - age, cause, number) for number, age in enumerate(ages, 1)]

    def test_three_of_one_cause(self) -> None:
        found = repeat.forecast(PIPE, self.cases(60, 30, 1), TODAY, PLANS.repeat)
        assert (found.why, found.samples) == (Why.REPEATED, 3)
        assert found.low_ms is not None
        assert found.at_ms is not None
        assert found.high_ms is not None
        assert TODAY * DAY_MS < found.low_ms < found.at_ms < found.high_ms
        assert dict(found.facts)["orders"] == "#1, #2, #3"

    @pytest.mark.parametrize("ages", [(), (30, 1), (100, 95, 1), (200, 30, 1)])
    def test_fewer_within_90_days_are_none(self, ages: tuple[float, ...]) -> None:
        assert repeat.forecast(PIPE, self.cases(*ages), TODAY, PLANS.repeat).why is Why.NOT_REPEATED

    def test_three_of_different_causes_are_none(self) -> None:
        mixed = [*self.cases(60, 30), *self.cases(1, cause="grate")]
        assert repeat.forecast(PIPE, mixed, TODAY, PLANS.repeat).why is Why.NOT_REPEATED

    def test_engineering_begins_the_count_anew(self) -> None:
        assert repeat.forecast(PIPE, self.cases(60, 30, 1), TODAY, PLANS.repeat, reset=TODAY - 20).why is Why.NOT_REPEATED
