"""A real mosquitto: started, killed and restarted with what its sessions still hold."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

from tests.servers import debian
from tests.servers.process import OneProcess, ServerProcess, answers, free_port

_DEFAULT = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
# seconds between two writes of its database; the rest it writes when it is told to end
autosave_interval 1
max_inflight_messages 0
max_queued_messages 0
sys_interval 0
log_dest stderr
log_type error
log_type warning
"""


class Mosquitto(OneProcess):
    """One broker with a folder of its own. `config` is the text of a whole configuration, in which {port} and {folder}
    stand for the broker's own; `more` are lines after the default one.

    What it acknowledged lies in its memory until it writes its database: kill() may lose up to a second of it, save()
    writes it now, restart() and stop() end it in order and lose nothing.
    """

    def __init__(self, config: str | None = None, *, more: str = "", port: int | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="citybrain-mosquitto-"))
        self.port = port or free_port()
        (program,) = debian.require("mosquitto")
        file = self.folder / "mosquitto.conf"
        text = (config or _DEFAULT + more).replace("{port}", str(self.port)).replace("{folder}", str(self.folder))
        if os.geteuid() == 0 and "\nuser " not in f"\n{text}":
            text += "\nuser root\n"  # or it becomes a user who cannot write into the folder
        file.write_text(text)
        self._process = ServerProcess("mosquitto", [program, "-c", file], self.folder / "mosquitto.log")

    @property
    def url(self) -> str:
        """mqtt:// URL without a user."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self, wait_s: float = 20) -> str:
        """Start it and wait until it listens; the URL."""
        self._process.start()
        self._process.wait_until(lambda: answers(self.port), wait_s)
        return self.url

    def save(self) -> None:
        """Have it write its database, and wait until that is done."""
        file = self.folder / "mosquitto.db"
        before = file.stat().st_mtime_ns if file.exists() else 0
        self._process.signal(signal.SIGUSR1)
        self._process.wait_until(lambda: file.exists() and file.stat().st_mtime_ns != before, 10)

    def reload(self) -> None:
        """Have it read logins and rights again. It says nothing when it has done so: a moment is given to it."""
        self._process.signal(signal.SIGHUP)
        time.sleep(0.3)

    def restart(self) -> float:
        """Stop it if it runs and start it again on its database; seconds until it listened."""
        began = time.monotonic()
        self.stop()
        self.start()
        return time.monotonic() - began
