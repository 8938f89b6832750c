"""The program as a whole: what `citybrain run` and `citybrain stop` call, and what tests embed."""

from __future__ import annotations

from collections.abc import Callable

from citybrain.config import Settings
from citybrain.runtime.broker import EmbeddedBroker
from citybrain.runtime.city import City
from citybrain.runtime.postgres import EmbeddedPostgres
from citybrain.runtime.rundir import RunDir
from citybrain.runtime.supervisor import Supervisor
from ingest.registry import load_profiles


def run(settings: Settings, ready: Callable[[RunDir], None] = lambda run: None, *, force: bool = False) -> int:
    """Run the whole city brain on one machine until SIGTERM or SIGINT. Raises ConfigError before anything is started.

    `force` also where the city has moved away from; else that raises MovedError.
    """
    # the parts load the same files, each in its own process, where nobody would see what is wrong with them
    City(settings)
    load_profiles(settings.profiles)
    return Supervisor(settings, force=force).run(ready)


def stop_leftovers(settings: Settings) -> dict[str, int]:
    """End broker and database that outlived their supervisor; the pids of those that were ended, by `broker` and `database`.

    Raises StateError while a program runs there.
    """
    run_dir = RunDir(settings.data_dir).make()
    run_dir.lock()
    ended = {}
    try:
        broker = EmbeddedBroker(run_dir, port=settings.mqtt_port)
        if broker.find():
            ended["broker"] = broker.pid
        broker.stop()
        postgres = EmbeddedPostgres(settings.data_dir / "pg")
        if (pid := postgres.pid()) is not None:
            postgres.stop()
            ended["database"] = pid
    finally:
        run_dir.unlock()
    return ended
