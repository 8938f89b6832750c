"""The embedded runtime by hand: one pipeline, one transaction a batch."""

from __future__ import annotations

from collections.abc import Callable

from citybrain.config import Settings
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.pipeline import Pipeline
from citybrain.store.db import Database
from dispatch.channels import open_channels
from dispatch.cycle import run_cycle
from ingest.decode import Decoder
from ingest.quarantine import NOTES, REASONS
from ingest.registry import load_profiles
from tests.contracts.runtimes.script import Messages, Script, StepClock


def run(script: Script, db: Database, settings: Settings, look: Callable[[int], None] = lambda at_ms: None) -> None:
    """Let a script happen; its register is in the database already. `look` is called at each settled moment."""
    clock, hand = StepClock(script.moments[0].at_ms), Messages()
    metrics = Metrics(quarantine_reasons=REASONS, value_notes=NOTES)
    city = City(settings)
    decoder = Decoder(
        load_profiles(settings.profiles), city.register, city=settings.city, auto_register=True,
        max_future_s=settings.max_future_s, max_age_s=settings.max_age_s,
    )  # fmt: skip
    flow = Pipeline(db, hand, decoder, city, clock, metrics, settings)
    flow.ticks = False
    channels = open_channels(settings)
    try:
        for moment in script.moments:
            clock.at_ms = moment.at_ms
            hand.put(moment.messages)
            while hand.waiting:
                flow.turn(0)
            flow.tick(moment.at_ms)
            if moment.settle:
                flow.rejudge(all_now=True)
                run_cycle(
                    db, now=clock.now(), infos=city.infos, register_of=lambda: city.register, books=city.books,
                    channels=channels, machine_now=clock.now(),
                )  # fmt: skip
                look(moment.at_ms)
    finally:
        flow.close()
