"""The demo's stage: an empty data directory, a database with the register of the made-up city in it, `citybrain run`."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from citybrain.apitoken import known_token
from citybrain.clock import ScaledClock, real_ms
from citybrain.config import Settings
from citybrain.kernel.errors import InputError
from citybrain.kernel.register import Register
from citybrain.kernel.times import to_ms
from citybrain.runtime.broker import EmbeddedBroker
from citybrain.runtime.demo.child import Child
from citybrain.runtime.demo.pace import Pace
from citybrain.runtime.past import seed_history
from citybrain.runtime.postgres import EmbeddedPostgres
from citybrain.runtime.rundir import RunDir
from citybrain.store import register as register_store
from citybrain.store.db import Database
from citybrain.store.migrate import migrate
from forecast.book import load_book
from simulators.world.scenario import DEMO_START

BOOT_MS = 4000
"""real ms from the start of `citybrain run` until the first message: the city's day begins then"""
READY_S = 60.0


class Stage:
    """Everything that runs beside the demo, a `Scene`. At the end all is stopped and a temporary folder removed."""

    def __init__(self, data_dir: Path | None, settings: Settings) -> None:
        self._given, self._settings = data_dir, settings
        self._stack = ExitStack()
        self.start = datetime.fromisoformat(DEMO_START)
        self.clock = ScaledClock(1.0, 0, 0)
        self.url = ""
        """Of the API."""
        self.mqtt = ""
        self.token = ""

    def __enter__(self) -> Stage:
        if self._settings.database_url or self._settings.mqtt_url:
            raise InputError("the demo brings its own servers: take database_url and mqtt_url out of the settings file")
        with ExitStack() as stack:
            if self._given is None:
                self.data_dir = Path(tempfile.mkdtemp(prefix="citybrain-demo-"))
                stack.callback(shutil.rmtree, self.data_dir, ignore_errors=True)
            else:
                self.data_dir = self._given.expanduser().resolve()
                if (self.data_dir / "pg").exists():
                    raise InputError(f"--data-dir {self.data_dir}: holds a city already; give an empty folder, or none")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    @property
    def folder(self) -> Path:
        """Where the city is kept."""
        return self.data_dir

    def open(self, register: Register, pace: Pace) -> Database:
        """Load the register, start the city at the beginning of its day; the open database. Raises UnavailableError.

        The register goes in before the city wakes up, so that no message finds its asset unknown.
        """
        run = RunDir(self.data_dir).make()
        postgres = EmbeddedPostgres(self.data_dir / "pg")
        # the child adopts it and stops it; here only for a child that never came so far
        self._stack.callback(postgres.stop)
        with Database(postgres.start(), size=1, name="citybrain demo") as db:
            migrate(db)
            save(db, register)
            # wear takes weeks to show: a city that began this minute would have nothing to forecast
            seed_history(db, register, load_book(self._settings.forecast), self.start)
        self.clock = ScaledClock(pace.speed, to_ms(self.start), real_ms() + BOOT_MS)
        child = self._child = Child(self.data_dir)
        self._stack.callback(_end_broker, run)
        self._stack.callback(child.stop)
        child.start(str(self.clock), city=self._settings.city)
        self.url = child.wait_ready(READY_S)
        info = child.info()
        self.mqtt = str(info["mqtt"])
        self.token = known_token(self._settings.api_token, self.data_dir)
        # opened last, so closed first: before the child takes the server away
        return self._stack.enter_context(Database(str(info["database"]), size=4, name="citybrain demo"))

    def check(self) -> None:
        """Raises UnavailableError when the city has ended."""
        self._child.check()


def _end_broker(run: RunDir) -> None:
    """A broker that still holds messages outlives the child on purpose; that of a demo that is over must not."""
    broker = EmbeddedBroker(run, port=0)
    if broker.find():
        broker.stop()


def save(db: Database, register: Register) -> None:
    """Put a whole register into the database."""
    with db.transaction() as tx:
        register_store.save_units(tx, register.units.values())
        register_store.save_assets(tx, register.assets.values())
        register_store.save_devices(tx, [device for devices in register.devices.values() for device in devices])
        register_store.save_areas(tx, register.areas)
        register_store.save_responsibilities(tx, register.responsibilities)
