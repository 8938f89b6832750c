"""ops/prometheus on the real promtool: configuration, rules, their unit tests; and no rule asks for what is not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from console.reference import reference
from tests.docs.markdown import ROOT
from tests.servers.prometheus import promtool

pytestmark = pytest.mark.live
OPS = ROOT / "ops" / "prometheus"
RULES = sorted((OPS / "rules").glob("*.yml"))
TESTS = sorted((OPS / "tests").glob("*.yml"))
RUNBOOK = ROOT / "docs" / "how-to" / "act-on-alerts.md"


def _rules(kind: str) -> dict[str, dict[str, Any]]:
    found = {}
    for file in RULES:
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]:
            found |= {rule[kind]: rule for rule in group["rules"] if kind in rule}
    return found


def _said(*words: str | Path) -> str:
    done = promtool(list(words))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", ["prometheus.yml", "embedded.yml"])
def test_the_configuration_is_valid(name: str) -> None:
    # the file of the token is there only where it runs
    _said("check", "config", "--syntax-only", OPS / name)


def test_the_rules_are_valid() -> None:
    said = _said("check", "rules", *RULES)
    assert f"{len(_rules('alert'))} rules found" in said


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_the_rules_do_what_their_tests_say(file: Path) -> None:
    _said("test", "rules", file)


def test_every_alert_and_every_recording_is_tested() -> None:
    tested = "\n".join(file.read_text("utf-8") for file in TESTS)
    assert {name for name in _rules("alert") if name not in tested} == set()
    # a recording that an alert is made of is tested with it
    tested += "\n".join(rule["expr"] for rule in (_rules("alert") | _rules("record")).values())
    assert {name for name in _rules("record") if name not in tested} == set()


def test_every_alert_says_what_it_is_and_what_to_do() -> None:
    chapters = {line.removeprefix("## ").lower() for line in RUNBOOK.read_text("utf-8").splitlines() if line.startswith("## ")}
    for name, rule in _rules("alert").items():
        assert rule["labels"]["severity"] in {"page", "ticket"}, name
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}, name
        assert rule["annotations"]["runbook"] == f"docs/how-to/act-on-alerts.md#{name.lower()}"
        assert name.lower() in chapters, f"{name} has no chapter in {RUNBOOK.name}"
    assert chapters == {name.lower() for name in _rules("alert")}


def test_no_rule_asks_for_a_metric_that_is_not_there() -> None:
    known = {entry.name for entry in reference()} | set(_rules("record")) | {"up"}
    asked = re.compile(r"(?<![\w:])([a-z_]+(?::[a-z_0-9]+)+|(?:citybrain|process)_[a-z_]+)(?![\w:(])")
    for name, rule in (_rules("alert") | _rules("record")).items():
        for metric in asked.findall(rule["expr"]):
            family = re.sub(r"_(bucket|sum|count)$", "", metric)
            assert metric in known or family in known, f"{name} asks for {metric}"
