"""Where a city comes from: the embedded database of a data directory, or one by its URL; and the rulebook it ran with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from citybrain.config import Settings
from citybrain.kernel.errors import InputError
from citybrain.runtime.broker import EmbeddedBroker
from citybrain.runtime.move.steps import RefusedError
from citybrain.runtime.postgres import EmbeddedPostgres
from citybrain.runtime.rundir import RunDir
from rules.load import load
from rules.rulebook import Rulebook


class Origin(NamedTuple):
    """A database with a city, and the rulebook by which its log was judged."""

    url: str
    rulebook: Rulebook


@contextmanager
def origin(settings: Settings, url: str | None, *, use_data_dir: bool) -> Iterator[Origin]:
    """Open it, and keep the embedded program from starting meanwhile.

    `url` None: the embedded database of the data directory. With an URL the data directory is locked too when `use_data_dir`.
    Raises Busy when the program runs there, RefusedError when its broker still holds messages.
    """
    with ExitStack() as stack:
        folder = settings.data_dir
        rulebook = settings.rulebook
        if url is None and not (folder / "pg" / "PG_VERSION").is_file():
            raise InputError(
                f"there is no embedded database in {folder}: give --data-dir, or --from with the URL of the database"
            )
        if url is None or use_data_dir:
            run = RunDir(folder).make()
            run.lock()
            stack.callback(run.unlock)
            _refuse_broker(run, settings.mqtt_port)
            if told := run.read("settings"):
                rulebook = Path(told["rulebook"]) if told.get("rulebook") else None
        if url is None:
            postgres = EmbeddedPostgres(folder / "pg")
            url = postgres.start()
            stack.callback(postgres.stop)
        yield Origin(url, load(rulebook))


def _refuse_broker(run: RunDir, port: int) -> None:
    """A broker that outlived its program has messages that nobody has taken; they would be lost."""
    broker = EmbeddedBroker(run, port=port)
    if broker.find():
        raise RefusedError(
            "broker_left",
            f"the MQTT broker of {run.data_dir} (pid {broker.pid}) still runs and may hold messages for this city: start "
            "`citybrain run` once more and stop it when the messages are taken, or end the broker by `citybrain stop`",
        )
