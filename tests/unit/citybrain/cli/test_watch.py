"""`citybrain watch` refuses at once what can never work."""

from __future__ import annotations

import pytest

from citybrain.cli.watch import known_zone, watch
from citybrain.kernel.errors import InputError


def test_a_zone_that_is_none_is_refused_when_given_and_ignored_when_only_found() -> None:
    assert known_zone("Asia/Shanghai", given=True) == "Asia/Shanghai"
    for name in ("No/Where", "../etc/passwd", "", ":/etc/localtime"):
        with pytest.raises(InputError, match="--zone"):
            known_zone(name, given=True)
        assert known_zone(name, given=False) == "UTC"


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(InputError, match="--url"):
        watch(url="localhost:8080", zone="UTC")
