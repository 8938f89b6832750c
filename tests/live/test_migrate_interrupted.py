"""A move that is killed goes on; one that would lose something, or make a city run twice, is refused."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from citybrain.config import Settings
from citybrain.kernel.errors import InputError
from citybrain.runtime.bench import start_run
from citybrain.runtime.cluster.watching import prepare
from citybrain.runtime.move.mover import move
from citybrain.runtime.move.steps import RefusedError
from citybrain.runtime.postgres import EmbeddedPostgres
from citybrain.runtime.process import child_environment
from citybrain.runtime.rundir import RunDir
from citybrain.runtime.supervisor import Supervisor
from citybrain.store import moves, register
from citybrain.store.db import Database
from citybrain.store.migrate import migrate
from citybrain.store.moves import MovedError
from rules.load import load
from tests.contracts.runtimes.script import UNITS
from tests.contracts.runtimes.told import difference, told
from tests.move_kit import ASSETS, Bases, Embedded, many_readings, value

pytestmark = pytest.mark.live


@pytest.fixture
def bases(postgres_url: str) -> Iterator[Bases]:
    with ExitStack() as stack:
        yield Bases(postgres_url, stack)


def start(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "citybrain.cli", "migrate", *options], env=child_environment(COLUMNS="200"), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run(*options: str) -> tuple[int, str, str]:
    process = start(*options)
    out, error = process.communicate(timeout=120)
    return process.returncode, out, " ".join(error.split())


def killed_when(process: subprocess.Popen[str], so_far: Callable[[], bool]) -> None:
    """SIGKILL it as soon as something is so."""
    deadline = time.monotonic() + 60
    while not so_far():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def waits_for_a_lock(db: Database) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'citybrain move' AND wait_event_type = 'Lock'"
    return bool(value(db, query))


def test_killed_at_three_places_and_resumed(bases: Bases) -> None:
    city = Embedded(bases.city("interrupted"))
    city.live(0, 12)
    city.die()
    many_readings(city.db, 40_000)
    made = value(city.db, "SELECT count(*) FROM readings")
    before, source = told(city.db), ["--from", city.db.url]
    target = bases.open("resumed")
    options = [*source, "--to", target.url, "-o", "json"]

    # 1. in the middle of the readings
    def some_days_are_there() -> bool:
        return bool(value(target, "SELECT sum(rows) FROM city_move_parts"))

    killed_when(start(*options), some_days_are_there)
    part = value(target, "SELECT count(*) FROM readings")
    assert 0 < part < made
    assert part == value(target, "SELECT rows FROM city_move_parts WHERE part = 'readings'"), "a span and its mark are one"
    assert value(target, "SELECT count(*) FROM assets") == 0
    with pytest.raises(MovedError, match="not whole"):
        prepare(Settings(database_url=target.url))
    assert refused(city.db.url, target.url) == "under_way"
    # 2. in the middle of the city
    with psycopg.connect(target.url) as blocker:
        blocker.execute("LOCK TABLE counters")
        killed_when(start(*options, "--resume"), lambda: waits_for_a_lock(target))
        assert blocker.execute("SELECT count(*) FROM orders").fetchone() == (0,), "all or nothing"
    # 3. when the city is in the target, and the source does not know it
    with psycopg.connect(city.db.url) as blocker:
        blocker.execute("SELECT FROM city_move FOR UPDATE")
        killed_when(start(*options, "--resume"), lambda: waits_for_a_lock(city.db))
    prepare(Settings(database_url=target.url))
    code, out, error = run(*options, "--resume")
    assert (code, json.loads(out)["rules"]) == (0, None), error
    with city.db.transaction() as tx, target.transaction() as there:
        left, came = moves.move_of(tx), moves.move_of(there)
    assert left is not None
    assert came is not None
    assert left.id == came.id
    assert left.ended_at is not None
    assert came.ended_at is not None
    assert value(target, "SELECT count(*) FROM readings") == made
    assert difference(before, told(target)) == ""
    assert refused(city.db.url, target.url) == "has_moved"
    again = move(city.db.url, target.url, Settings(), load(None), resume=True)
    assert (again.id, again.tables) == (came.id, [])


def refused(source: str, target: str) -> str:
    with pytest.raises(RefusedError) as caught:
        move(source, target, Settings(), load(None))
    return caught.value.reason


def test_what_is_refused(bases: Bases) -> None:
    city = Embedded(bases.city("here"))
    city.live(0, 10)
    other = bases.city("taken")
    here, there, book = city.db.url, bases.url("there"), load(None)
    assert refused(here, here) == "same_database"
    assert refused(here, there) == "company", "the pipeline runs"
    city.stop()
    with Database(here, size=1, name="citybrain cycle"), pytest.raises(RefusedError, match="in use by citybrain cycle"):
        move(here, there, Settings(), book)
    with Database(there, size=1, name="citybrain dispatch-a"), pytest.raises(RefusedError, match="citybrain dispatch-a"):
        move(here, there, Settings(), book)
    with pytest.raises(RefusedError, match="3 in units, 16 in assets, 1 in ownerships, 3 in responsibilities"):
        move(here, other.url, Settings(), book)
    with pytest.raises(InputError, match="there is no city"):
        move(bases.url("empty", schema=True), there, Settings(), book)
    move(here, there, Settings(), book)
    assert refused(here, bases.url("again")) == "has_moved"
    assert refused(there, bases.url("further")) == "source_came_here"
    assert refused(other.url, there) == "target_taken"
    assert refused(other.url, here) == "target_moved"


def test_a_data_directory_moves_and_does_not_start_again() -> None:
    folder = Path(tempfile.mkdtemp(prefix="citybrain-move-"))
    postgres = EmbeddedPostgres(folder / "pg")
    try:
        with Database(postgres.start(), size=4) as db:
            migrate(db)
            with db.transaction() as tx:
                register.save_units(tx, UNITS)
                register.save_assets(tx, ASSETS)
            city = Embedded(db)
            city.live(0, 10)
            city.stop()
            with psycopg.connect(db.url, autocommit=True) as conn:
                conn.execute("CREATE DATABASE cluster")
            target = db.url.replace("/postgres?", "/cluster?")
        data = ["--data-dir", str(folder)]
        lock = RunDir(folder).make()
        lock.lock()
        code, _, error = run(*data, "--to", target)
        assert code == 1
        assert "citybrain already runs on" in error
        lock.unlock()
        code, out, error = run(*data, "--to", target)
        assert code == 0, error
        assert "The city moved from" in " ".join(out.split())
        assert postgres.pid() is None, "the embedded database is stopped again"
        process = start_run(folder)
        assert process.wait(30) == 1
        said = " ".join((folder / "log" / "run.log").read_text().split())
        assert "a city must not run twice" in said
        with pytest.raises(MovedError):
            Supervisor(Settings(data_dir=folder)).run()
        # the way back for who must
        url = postgres.start()
        with Database(url, size=1) as db, db.transaction() as tx:
            Supervisor(Settings(data_dir=folder), force=True)._refuse_stranger(tx)
            assert moves.move_of(tx) is None
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
