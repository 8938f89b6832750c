"""PURE: how a change of an episode is told: its event with reason, sentence and evidence."""

from __future__ import annotations

from typing import Final

from citybrain.kernel.events import AlertChange, AlertEvent, AlertPhase, Evidence
from citybrain.kernel.ids import alert_id
from citybrain.kernel.times import iso
from rules.detectors.words import name_of, span, with_unit
from rules.lifecycle import Episode
from rules.plan import Condition
from rules.state import AssetState

_PHASE_AFTER: Final = {
    AlertChange.RAISED: AlertPhase.FIRING,
    AlertChange.REFIRED: AlertPhase.FIRING,
    AlertChange.FLAPPING: AlertPhase.FIRING,
    AlertChange.CLEARING: AlertPhase.CLEARING,
    AlertChange.RESOLVED: AlertPhase.RESOLVED,
}


def event(
    state: AssetState,
    condition: Condition,
    episode: Episode,
    change: AlertChange,
    at_ms: int,
    seen: tuple[Evidence, ...],
    version: str,
) -> AlertEvent:
    """The event of a change. A raise gives the episode its id. `seen` are the values of the reading, if there is one."""
    reason, detail, evidence, end = episode.reason, episode.detail, episode.evidence, None
    if change is AlertChange.RAISED:
        # Contradicting messages of one millisecond can make two episodes of one onset.
        again = episode.raises.count(episode.onset_ms)
        name = condition.id if again < 2 else f"{condition.id}#{again}"
        episode.id, episode.severity = alert_id(state.id, name, episode.onset_ms), condition.severity
    elif change is AlertChange.FLAPPING:
        times = condition.times
        reason = "flapping"
        detail = (
            f"raised {times.flap_count} times within {span(times.flap_window_ms / 1000)}; "
            f"held open until it has been good for {span((times.clear_ms + times.flap_hold_ms) / 1000)}"
        )
    elif change is AlertChange.CLEARING:
        reason, evidence = "good_again", seen
        detail = "; ".join(_says(one) for one in seen) or "heard again"
    elif change is AlertChange.RESOLVED:
        end, reason, evidence = episode.good_ms, "stayed_good", seen
        detail = f"good since {iso(episode.good_ms)}"
    return _event(state, condition.id, episode, change, at_ms, reason, detail, evidence, end, version)


def removed(state: AssetState, condition: str, episode: Episode, at_ms: int, version: str) -> AlertEvent:
    """The end of an episode whose rule or asset is gone."""
    detail = "the rule or the asset is no longer there"
    return _event(state, condition, episode, AlertChange.RESOLVED, at_ms, "rule_removed", detail, (), at_ms, version)


def _event(
    state: AssetState,
    condition: str,
    episode: Episode,
    change: AlertChange,
    at_ms: int,
    reason: str,
    detail: str,
    evidence: tuple[Evidence, ...],
    end_ms: int | None,
    version: str,
) -> AlertEvent:
    return AlertEvent(
        episode.id,
        str(change),
        str(_PHASE_AFTER[change]),
        state.id,
        state.plan.kind,
        condition,
        episode.severity,
        episode.onset_ms,
        at_ms,
        reason,
        detail,
        evidence,
        end_ms,
        version,
    )


def _says(evidence: Evidence) -> str:
    value, name = evidence.value, name_of(evidence.measure)
    if isinstance(value, bool):
        return f"{name}: {'yes' if value else 'no'}"
    return f"{name} {value if isinstance(value, str) else with_unit(evidence.measure, value)}"
