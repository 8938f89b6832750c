"""`citybrain run` on a data directory that somebody or something has damaged."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from citybrain import app
from citybrain.config import Settings
from citybrain.kernel.errors import UnavailableError
from citybrain.runtime.bench import start_run, wait_ready
from citybrain.runtime.broker import EmbeddedBroker, free_port
from citybrain.runtime.postgres import EmbeddedPostgres
from citybrain.runtime.rundir import RunDir
from citybrain.store.db import Database
from citybrain.store.migrate import migrate

pytestmark = pytest.mark.live


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach when the tests run as root: pytest's may be closed to it."""
    made = Path(tempfile.mkdtemp(prefix="citybrain-test-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_a_folder_that_is_no_database_is_said_at_once_and_left_alone(folder: Path) -> None:
    (folder / "pg").mkdir()
    (folder / "pg" / "letters.txt").write_text("dear")
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="is not empty and holds no PostgreSQL database") as found:
        EmbeddedPostgres(folder / "pg").start()
    assert time.monotonic() - began < 5
    assert "\n" not in str(found.value)
    assert [item.name for item in (folder / "pg").iterdir()] == ["letters.txt"]


def test_a_database_that_was_being_made_when_the_program_was_killed_is_made_anew(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "pg")
    # what a killed initdb leaves: some of the files, the version among them
    (folder / "pg" / "base").mkdir(parents=True)
    (folder / "pg" / "PG_VERSION").write_text("18\n")
    (folder / "pg.unfinished").touch()
    try:
        with Database(server.start(), size=1) as db:
            migrate(db)
        assert not (folder / "pg.unfinished").exists()
    finally:
        server.stop()


def test_a_database_that_does_not_start_says_why_in_one_line(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "pg")
    server.start()
    server.stop()
    (folder / "pg" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(UnavailableError, match="FATAL: .*database files are incompatible") as found:
        server.start(wait_s=0)
    assert "\n" not in str(found.value)


def test_damaged_run_files_are_mended_while_it_runs_and_harm_no_start(folder: Path) -> None:
    run = RunDir(folder).make()
    for name in ("run", "settings", "broker", "http", "pipeline", "cycle", "drained"):
        (run.path / f"{name}.json").write_text('{"pid": "x", "port":')
    (run.path / "broker.json").write_text('{"pid": "x", "port": "y"}')
    process = start_run(folder, {})
    try:
        info = wait_ready(run, process)
        for name in ("run", "settings"):
            (run.path / f"{name}.json").write_text("{")
        deadline = time.monotonic() + 10
        while run.read("run") != info or not run.read("settings"):
            assert time.monotonic() < deadline, "written again"
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_part_that_ends_by_itself_is_quoted(folder: Path) -> None:
    RunDir(folder).make()
    process = start_run(folder, {"CITYBRAIN_HTTP_HOST": "203.0.113.7"})  # an address that no machine of ours has
    try:
        log, deadline = folder / "log" / "run.log", time.monotonic() + 30
        while "http ended (exit code 1)" not in log.read_text():
            assert time.monotonic() < deadline, "ended"
            time.sleep(0.1)
        assert "203.0.113.7" in next(line for line in log.read_text().splitlines() if "http ended" in line)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        app.stop_leftovers(Settings(data_dir=folder))


def test_a_broker_is_found_again_without_its_file(folder: Path) -> None:
    run = RunDir(folder).make()
    first = EmbeddedBroker(run, port=free_port())
    url = first.start()
    try:
        (run.path / "broker.json").write_text("{")
        again = EmbeddedBroker(run, port=first.port)
        assert (again.start(), again.pid, again.adopted) == (url, first.pid, True)
        assert run.read("broker")["pid"] == first.pid
        run.remove("broker")
        assert app.stop_leftovers(Settings(data_dir=folder)) == {"broker": first.pid}
    finally:
        first.stop()
