"""How channels may disturb people, as a file says it."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path

import pytest

from citybrain.kernel.contacts import CHANNELS
from citybrain.kernel.errors import ConfigError
from dispatch.allowance import Cap, Quiet
from dispatch.channel_rules import FALLBACK, check_channel_rules, load_channel_rules


def own(folder: Path, text: str) -> Path:
    file = folder / "channels.yml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_shipped_rules_name_every_scheme() -> None:
    rules = load_channel_rules()
    assert rules.schemes.keys() == CHANNELS.keys()
    assert rules.of("twilio://a:b@1/2").caps == (
        Cap(5, timedelta(minutes=15)), Cap(11, timedelta(hours=1)), Cap(21, timedelta(hours=3)),
    )  # fmt: skip
    assert rules.of("pigeon:post").kind == FALLBACK
    assert rules.quiet_of("li") is None


def test_a_file_goes_over_the_shipped_one_key_by_key(tmp_path: Path) -> None:
    file = own(
        tmp_path,
        """
kinds:
  sms: {schemes: [log], at_most: [{count: 1, minutes: 5}]}
  pager: {schemes: [seven], bundle_s: 5}
quiet_hours:
  everybody: "22:00-07:00"
  people: {li: "23:30-06:00", wang: none}
""",
    )
    rules = load_channel_rules(file)
    assert rules.of("log:x").kind == rules.of("twilio://x").kind == "sms"
    assert rules.of("log:x").caps == (Cap(1, timedelta(minutes=5)),)
    assert rules.of("log:x").bundle == timedelta(seconds=60), "as shipped"
    assert (rules.of("seven://x").kind, rules.of("seven://x").caps) == ("pager", ())
    assert rules.quiet_of("somebody") == Quiet(time(22), time(7))
    assert rules.quiet_of("li") == Quiet(time(23, 30), time(6))
    assert rules.quiet_of("wang") is None
    assert rules.quiet_of(None) is None, "the contact of a unit is its desk"


@pytest.mark.parametrize(
    ("text", "line", "key", "says"),
    [
        ("kinds:\n  sms:\n    bundle_s: -1\n", 3, "kinds.sms.bundle_s", "greater than or equal to 0"),
        ("kinds:\n  sms:\n    colour: red\n", 3, "kinds.sms.colour", "unknown key"),
        ("kinds:\n  sms:\n    at_most:\n      - {count: 0, minutes: 5}\n", 4, "kinds.sms.at_most[0].count", "greater than"),
        ("kinds:\n  sms:\n    schemes: [pigeon]\n", 3, "kinds.sms.schemes", "no channel speaks pigeon; there are"),
        ("quiet_hours:\n  everybody: late\n", 2, "quiet_hours.everybody", "'22:00-07:00', or none"),
        ("quiet_hours:\n  everybody: '07:00-07:00'\n", 2, "quiet_hours.everybody", "same time"),
        ("- a\n", 1, "", "dictionary"),
        ("kinds: [\n", 2, "", "not YAML"),
    ],
)
def test_faults_name_line_key_and_what_would_be_right(tmp_path: Path, text: str, line: int, key: str, says: str) -> None:
    file = own(tmp_path, text)
    (fault,) = check_channel_rules(file)
    assert (fault.file, fault.line, fault.key) == (str(file), line, key)
    assert says in fault.message
    with pytest.raises(ConfigError):
        load_channel_rules(file)


def test_no_file_no_rules(tmp_path: Path) -> None:
    assert "cannot be read" in check_channel_rules(tmp_path / "none.yml")[0].message
    assert check_channel_rules() == []
