"""Profiles: the shipped ones are right, a wrong one is named by file, line and key, and each message finds its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from citybrain import yamlfile
from citybrain.kernel.errors import NotFound, PayloadError
from citybrain.kernel.model import Kind
from ingest.envelopes import Opened
from ingest.profile import replay_topic
from ingest.registry import Profiles, check_profiles, load_profiles, parse_profile

_GOOD = """\
name: acme
title: Acme level sensor
kind: drain
envelopes: [chirpstack]
models: [Acme Level]
values:
  distance_mm: dist
"""


def faults(text: str) -> list[tuple[int, str, str]]:
    profile, wrong = parse_profile(yamlfile.parse(text, "acme.yml"), "acme")
    assert (profile is None) == bool(wrong)
    return [(fault.line, fault.key, fault.message) for fault in wrong]


def test_shipped_profiles_are_right() -> None:
    assert check_profiles() == []


def test_two_profiles_for_each_kind_of_asset() -> None:
    kinds = [profile.kind for profile in load_profiles().values()]
    assert all(kinds.count(kind) >= 2 for kind in (Kind.MANHOLE, Kind.DRAIN, Kind.STREETLIGHT))


def test_a_right_profile() -> None:
    assert faults(_GOOD) == []


@pytest.mark.parametrize(
    ("change", "line", "key", "words"),
    [
        (("kind: drain", "kind: volcano"), 3, "kind", "manhole"),
        ((": dist", ": a..b"), 7, "values.distance_mm.path[0]", "is not a path"),
        (("distance_mm: dist", "distance_mm: {path: dist, unit: furlong}"), 7, "values.distance_mm", "furlong"),
        (("distance_mm: dist", "distance_mm: {path: dist, unit: V}"), 7, "values.distance_mm", "V cannot be converted to mm"),
        (("distance_mm: dist", "distance_mm: {path: dist, colour: 1}"), 7, "values.distance_mm.colour", "unknown key"),
        (("distance_mm: dist", "distance_mm: {path: dist, invert: true}"), 7, "values.distance_mm", "yes/no"),
        (("envelopes: [chirpstack]", "envelopes: [json]"), 1, "topics", "needs topic filters"),
        (("envelopes: [chirpstack]", "envelopes: [json]\ntopics: [a/#]"), 1, "device", "path to the device id"),
        (("envelopes: [chirpstack]", "envelopes: [chirpstack]\ntopics: [a/#/b]"), 5, "topics[0]", "last level"),
        (("name: acme", "name: other"), 1, "name", "'acme'"),
        (("models: [Acme Level]", "required: [level_mm]"), 5, "required", "not among the values"),
        (("models: [Acme Level]", "decoder: magic"), 5, "decoder", "unquoted_object"),
        (("models: [Acme Level]", "frames: [{each: history, history: true}]"), 5, "frames[0]", "time of their own"),
        (("models: [Acme Level]", "dedupe: {fields: [a], window_s: 0}"), 5, "dedupe.window_s", "greater than 0"),
        (("models: [Acme Level]", "replay_topic: 'x/{a'"), 5, "replay_topic", "brace"),
        (("title: Acme level sensor\n", ""), 1, "title", "missing"),
    ],
)
def test_faults_are_named(change: tuple[str, str], line: int, key: str, words: str) -> None:
    found = faults(_GOOD.replace(*change))
    assert any((line, key) == fault[:2] and words in fault[2] for fault in found), found


def test_a_folder_of_ones_own_wins(tmp_path: Path) -> None:
    (tmp_path / "acme.yml").write_text(_GOOD)
    (tmp_path / "dingtek_dc413.yml").write_text(_GOOD.replace("acme", "dingtek_dc413").replace("Acme Level", "dc413"))
    found = load_profiles(tmp_path)
    assert found["acme"].title == "Acme level sensor"
    assert found["dingtek_dc413"].title == "Acme level sensor"
    assert check_profiles(tmp_path / "none")[0].key == "profiles"


def test_an_unknown_profile_names_the_known() -> None:
    with pytest.raises(NotFound, match="icra_overflow"):
        load_profiles()["nothing"]


@pytest.mark.parametrize(
    ("opened", "bound", "want"),
    [
        (Opened(models=("Milesight EM410-RDL",)), None, "milesight_em410_rdl"),
        (Opened(models=("EU868_EM410_RDL_v2",)), None, "milesight_em410_rdl"),
        (Opened(models=("dc413",), brand="dingtek"), None, "dingtek_dc413"),
        (Opened(models=("em410-rdl",)), "dingtek_dc410", "dingtek_dc410"),
        (Opened(models=("em410-rdl",), profile="dingtek_dc413"), None, "dingtek_dc413"),
    ],
)
def test_the_profile_of_a_message(opened: Opened, bound: str | None, want: str) -> None:
    assert load_profiles().find("application/7/device/x/event/up", "chirpstack", opened, bound).profile.name == want


@pytest.mark.parametrize(
    ("opened", "bound"),
    [
        (Opened(models=("something",)), None),
        (Opened(), None),
        (Opened(models=("dc413",), brand="another"), None),
        (Opened(models=("dc413",)), "gone"),
    ],
)
def test_no_profile(opened: Opened, bound: str | None) -> None:
    with pytest.raises(PayloadError, match="no_profile"):
        load_profiles().find("application/7/device/x/event/up", "chirpstack", opened, bound)


def test_subscriptions_hold_the_citys_topics_and_those_of_the_profiles() -> None:
    found = load_profiles().subscriptions("demo")
    assert found[:2] == ["city/demo/+/+/telemetry", "city/demo/gateway/+/pack"]
    assert {"application/+/device/+/event/+", "v3/+/devices/+/#", "icra/+/up"} <= set(found)
    assert len(found) == len(set(found))
    assert load_profiles().only("icra_overflow").subscriptions("demo") == [*found[:2], "icra/+/up"]


def test_replay_topics() -> None:
    profiles = load_profiles()
    assert replay_topic(profiles["icra_overflow"], {"endDevice": {"devEui": "AB"}}) == "icra/AB/up"
    assert replay_topic(profiles["dingtek_dc410"], {"deviceInfo": {"devEui": "ab"}}) == "application/replay/device/ab/event/up"
    for bad in ({}, {"endDevice": {"devEui": "a/b"}}, {"endDevice": 7}, [], None):
        with pytest.raises(PayloadError):
            replay_topic(profiles["icra_overflow"], bad)


def test_profiles_is_a_mapping() -> None:
    profiles = load_profiles()
    assert "icra_overflow" in profiles
    assert list(profiles) == sorted(profiles)
    assert len(Profiles([])) == 0
