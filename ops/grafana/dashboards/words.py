"""Words of the dashboards, in both languages: titles from the string tables here, codes from those of the program."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml
from grafana_foundation_sdk.models.dashboard import ValueMap, ValueMappingResult

from citybrain.kernel.events import AlertPhase
from citybrain.kernel.model import Severity
from citybrain.text import code_text
from dispatch.orders import STATES
from rules.load import load as load_rulebook

LANGUAGES: Final = ("en", "zh")
COLORS: Final = {"critical": "dark-red", "major": "orange", "minor": "yellow", "warning": "blue"}
_OUTCOMES = ("verified", "cleared", "cleared_by_sensor", "cancelled", "withdrawn", "grouped", "cleared_before_dispatch")
_FOLDER = Path(__file__).parent / "strings"


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._codes = _codes(language)
        self._texts: dict[str, Any] = yaml.safe_load((_FOLDER / f"{language}.yml").read_text("utf-8"))

    def board(self, key: str) -> dict[str, Any]:
        """Title, description, rows and panels of a dashboard."""
        found: dict[str, Any] = self._texts["boards"][key]
        for name, panel in found["panels"].items():
            if set(panel) != {"title", "about"}:
                raise ValueError(f"{self.language}.yml: {key}.{name} needs title and about, quoted")
        return found

    def column(self, name: str) -> str:
        """The heading of a column."""
        return str(self._texts["columns"][name])

    def label(self, name: str) -> str:
        """What a variable is called."""
        return str(self._texts["variables"][name])

    def codes(self, column: str) -> ValueMap | None:
        """The words for the codes that stand in a column; None when they stand as they are."""
        found = self._codes.get(column)
        if found is None:
            return None
        return ValueMap(
            {code: ValueMappingResult(text, color, None, n) for n, (code, (text, color)) in enumerate(found.items())}
        )


def _codes(language: str) -> dict[str, dict[str, tuple[str, str | None]]]:
    """Column -> code -> word and color."""

    def of(prefix: str, codes: Iterable[str]) -> dict[str, tuple[str, str | None]]:
        return {str(code): (code_text(prefix, str(code), language), None) for code in codes}

    severities = of("console.severity_", Severity)
    states = of("console.state_", STATES)
    return {
        "severity": {code: (text, COLORS[code]) for code, (text, _) in severities.items()},
        "phase": of("console.phase_", AlertPhase),
        "state": states,
        "from_state": states,
        "to_state": states,
        "outcome": of("orders.outcome_", _OUTCOMES),
        "condition": {info.id: (info.title(language), None) for info in load_rulebook().info.values()},
    }
