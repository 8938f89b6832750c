"""Every reason of a delivery has its words for people, in both languages."""

from __future__ import annotations

import pytest

from citybrain.kernel.contacts import PRESETS
from citybrain.text import LANGUAGES, table
from dispatch.allowance import HELD
from dispatch.channels import OPENERS, REASONS
from dispatch.channels.apprise import _TEMPLATES, TITLED
from dispatch.channels.apprise.plugins import MODULES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_its_words(language: str) -> None:
    known = {key.removeprefix("reason_") for key in table("deliveries", language) if key.startswith("reason_")}
    assert known == set(REASONS)
    assert set(HELD) < known


def test_every_service_has_a_plugin_and_a_template() -> None:
    assert MODULES.keys() == PRESETS.keys()
    for language in LANGUAGES:
        keys = table("channels", language).keys()
        for scheme in PRESETS:
            template = _TEMPLATES.get(scheme, scheme)
            assert f"{template}_text" in keys
            assert (f"{template}_title" in keys) == (scheme in TITLED)
    assert {"log", "webhook", "email", "apprise"} == set(OPENERS)
