"""How columns of tables look: wherever one of these names stands, it looks the same."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from dashboards.words import Words

_TIMES: Final = frozenset(
    {"since", "end_at", "at", "due_at", "dispatched_at", "overdue_at", "closed_at", "newest", "oldest", "next_at"}
)
_SPANS: Final = frozenset({"median", "p90", "delay", "interval_s"})
_SHARES: Final = frozenset({"withdrawn", "flapping", "confirmed", "within_limit", "used", "share"})


def look(words: Words, name: str) -> list[DynamicConfigValue]:
    """Heading, unit, words for codes and link of a column."""
    found = [DynamicConfigValue("displayName", words.column(name))]
    if (codes := words.codes(name)) is not None:
        found.append(DynamicConfigValue("mappings", [codes]))
    if name == "severity":
        found.append(DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
    if name in _TIMES:
        found.append(DynamicConfigValue("unit", "dateTimeAsIso"))
    if name in _SPANS:
        found.append(DynamicConfigValue("unit", "s"))
    if name in _SHARES:
        found.append(DynamicConfigValue("unit", "percentunit"))
    if name == "asset":
        url = f"/d/citybrain-asset-detail-{words.language}?var-asset=${{__value.text}}&${{__url_time_range}}"
        found.append(DynamicConfigValue("links", [{"title": words.label("asset"), "url": url}]))
    return found
