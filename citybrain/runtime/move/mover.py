"""A move from its beginning to its end, or from where it was interrupted."""

from __future__ import annotations

import logging
import time

from citybrain import clock as clocks
from citybrain.config import Settings
from citybrain.runtime.move.city import carry_city
from citybrain.runtime.move.history import History
from citybrain.runtime.move.sides import Sides
from citybrain.runtime.move.steps import Offsets, Step, refuse_writers
from citybrain.runtime.move.telling import Report, Tell
from citybrain.store import carrying
from citybrain.topics.admin import end_offsets
from citybrain.topics.spec import ALERTS, READINGS
from rules.rulebook import Rulebook

log = logging.getLogger(__name__)
QUIET_S = 2.5
"""Real seconds between the two looks at the ends of the topics: a bridge that runs writes a tick each second."""


def move(
    source_url: str, target_url: str, settings: Settings, rulebook: Rulebook, *, resume: bool = False,
    tell: Tell = lambda what, rows, total: None,
) -> Report:  # fmt: skip
    """Move a city; what was done. `settings` are those of the cluster, `rulebook` is that of the embedded city.

    Raises RefusedError when the move would lose something or make the city run twice; then nothing was changed. Whatever
    else is raised leaves both sides marked, and `resume` goes on.
    """
    began = time.monotonic()
    offsets = _quiet_ends(settings)
    with Sides(source_url, target_url) as sides:
        step, id = sides.begin(resume=resume)
        report = Report(id, sides.source.label, sides.target.label, resumed=resume, offsets=settings.kafka_url is not None)
        here, there = sides.source.session, sides.target.session
        if step is Step.CARRY:
            report.tables = History(sides, tell).carry()
            with here.transaction() as source, there.transaction() as target:
                refuse_writers(offsets, _ends(settings))
                carry_city(
                    source, target, prefix=settings.kafka_prefix, offsets=offsets, rulebook=rulebook,
                    now=clocks.parse(settings.clock).now(), report=report, tell=tell,
                )  # fmt: skip
        if step is not Step.DONE:
            sides.leave()
        if step is Step.CARRY:
            with there.transaction() as target:
                carrying.analyze(target)
    report.seconds = time.monotonic() - began
    log.info("the city moved from %s to %s in %.1f s", report.source, report.target, report.seconds)
    return report


def _ends(settings: Settings) -> Offsets:
    """Where the topics end now; nothing without Kafka. Raises UnavailableError when a topic is not there."""
    if settings.kafka_url is None:
        return Offsets({}, {})
    return Offsets(end_offsets(settings, READINGS), end_offsets(settings, ALERTS))


def _quiet_ends(settings: Settings) -> Offsets:
    """The same, when nobody writes. Raises RefusedError."""
    before = _ends(settings)
    if settings.kafka_url is not None:
        time.sleep(QUIET_S)
        refuse_writers(before, _ends(settings))
    return before
