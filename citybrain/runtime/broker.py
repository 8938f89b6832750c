"""The embedded MQTT broker: a process of its own that outlives a killed pipeline or supervisor and is adopted again.

iotcore's own child ends with its parent; ours must not, because the broker's sessions (messages that no one has taken yet)
live in its memory. So it is started detached, and found again by the run folder.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

import paho.mqtt.client as paho
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from citybrain import logs
from citybrain.kernel.errors import UnavailableError
from citybrain.runtime.process import child_environment
from citybrain.runtime.rundir import RunDir

log = logging.getLogger(__name__)
_MARK = "citybrain.runtime.broker"
MAX_PAYLOAD = 2_000_000
"""bytes; larger messages close the sender's connection"""
WINDOW = 100
"""unacknowledged messages that rumqttd hands out to a connection, whatever is configured (measured)"""
_CONFIG = """\
id = 0

[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
# what no one has taken yet is kept up to 1 GB, then the oldest goes
max_segment_size = 104857600
max_segment_count = 10
"""
_LISTENER = """
[v{version}.1]
name = "v{version}-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 0
    [v{version}.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = {payload}
    max_inflight_count = {window}
    dynamic_filters = true
"""


def port_free(port: int, host: str = "127.0.0.1") -> bool:
    """True when nothing listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """True when something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


class EmbeddedBroker:
    """One broker of a data directory."""

    def __init__(self, run: RunDir, *, port: int, session: tuple[str, Sequence[str]] | None = None) -> None:
        """`session`: client id and topic filters of a session that a new broker has from its first moment (MQTT 3.1.1)."""
        self._run, self._wanted, self._session = run, port, session
        self.port = 0
        self.port5 = 0
        """rumqttd has a port for each version of the protocol; this one speaks MQTT 5"""
        self.pid = 0
        self.adopted = False
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, wait_s: float = 10) -> str:
        """Adopt the running broker, or start one; its URL. Raises UnavailableError."""
        known = self._known()
        if known and _is_broker(known["pid"]) and answers(known["port"]):
            self.pid, self.port, self.port5, self.adopted = known["pid"], known["port"], known["port5"], True
            self._run.write("broker", known)
            log.info("adopted the MQTT broker that runs as pid %d on port %d", self.pid, self.port)
            return self.url
        # a restarted broker keeps its ports, so that publishers find it again
        self.port = next((port for port in (known.get("port", 0), self._wanted) if port and port_free(port)), 0) or free_port()
        if self.port != self._wanted:
            log.warning("port %d is taken: the MQTT broker listens on %d", self._wanted, self.port)
        known5 = known.get("port5", 0)
        self.port5 = known5 if known5 and port_free(known5) else free_port()
        config = self._run.path / "broker.toml"
        listeners = (
            _LISTENER.format(version=version, port=port, payload=MAX_PAYLOAD, window=WINDOW)
            for version, port in ((4, self.port), (5, self.port5))
        )
        config.write_text(_CONFIG + "".join(listeners))
        with (self._run.data_dir / "log" / "broker.log").open("ab") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-m", _MARK, str(config), str(self.port), *self._session_words()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd="/",
                env=child_environment(),
            )
        deadline = time.monotonic() + wait_s
        while not (answers(self.port) and answers(self.port5)):
            if self._child.poll() is not None or time.monotonic() > deadline:
                raise UnavailableError(f"the MQTT broker does not start on port {self.port}; see {output.name}")
            time.sleep(0.02)
        self.pid, self.adopted = self._child.pid, False
        self._run.write("broker", {"pid": self.pid, "port": self.port, "port5": self.port5})
        return self.url

    def _session_words(self) -> list[str]:
        return [self._session[0], *self._session[1]] if self._session else []

    def _known(self) -> dict[str, int]:
        """Pid and ports of the broker of last time: from the run folder, else from the broker that runs on our configuration.
        {} when there is none."""
        config = self._run.path / "broker.toml"
        found = self._run.read("broker")
        if {"pid", "port", "port5"} <= found.keys() and all(type(value) is int and value > 0 for value in found.values()):
            return found
        try:
            listen = tomllib.loads(config.read_text())
            ports = {"port": _port(listen["v4"]), "port5": _port(listen["v5"])}
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        for process in psutil.process_iter(["cmdline"]):
            if str(config) in (process.info["cmdline"] or ()) and _is_broker(process.pid):
                return {"pid": process.pid, **ports}
        return {}

    def find(self) -> int:
        """Pid of the broker that was left here; 0 when none runs."""
        known = self._known()
        self.pid = known["pid"] if known and _is_broker(known["pid"]) else 0
        return self.pid

    @property
    def url(self) -> str:
        """mqtt://host:port for MQTT 3.1.1"""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def url5(self) -> str:
        """mqtt://host:port for MQTT 5"""
        return f"mqtt://127.0.0.1:{self.port5}"

    def alive(self) -> bool:
        """True while the broker's process runs."""
        if self._child is not None and self._child.poll() is not None:
            return False
        return _is_broker(self.pid)

    def stop(self) -> None:
        """End the broker. What it holds in its sessions is lost: drain first."""
        if _is_broker(self.pid):
            os.kill(self.pid, signal.SIGTERM)
            deadline = time.monotonic() + 5
            while self.alive() and time.monotonic() < deadline:
                time.sleep(0.02)
            if self.alive():
                os.kill(self.pid, signal.SIGKILL)
        if self._child is not None:
            self._child.wait(5)
        self._run.remove("broker")


def _port(listeners: dict[str, dict[str, str]]) -> int:
    """The port of the only listener of a version in the configuration."""
    return int(listeners["1"]["listen"].rpartition(":")[2])


def _is_broker(pid: int) -> bool:
    """True when `pid` is one of our brokers, and no stranger that got its number, and no zombie."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and _MARK in process.cmdline()
    except (psutil.Error, ValueError):
        return False


def reserve(port: int, client_id: str, filters: Sequence[str], wait_s: float = 5) -> bool:
    """Make a session that outlives its connection: a broker forgets what nobody has subscribed to. True when it is made."""
    made = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, manual_ack=True)

    def subscribe(*_: object) -> None:
        client.subscribe([(item, 1) for item in filters])

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: made.set()
    deadline = time.monotonic() + wait_s
    while True:
        try:
            client.connect("127.0.0.1", port)
            break
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.001)  # the publishers are knocking as well, and what they say first must not be dropped
    client.loop_start()
    try:
        return made.wait(wait_s)
    finally:
        client.disconnect()
        client.loop_stop()


def main() -> None:
    """Be the broker: CONFIG PORT [CLIENT_ID FILTER…]."""
    from iotcore import IotCoreBroker

    # rumqttd logs every packet as an error span; only CRITICAL is for people
    logs.setup("broker", level="WARNING", form=os.environ.get("CITYBRAIN_LOG_FORMAT", "text"))
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    config, port, *session = sys.argv[1:]
    IotCoreBroker(config_path=config).start()
    if session and not reserve(int(port), session[0], session[1:]):
        log.warning("no session could be made for %s", session[0])
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if entry not in {"", str(Path.cwd())}] + [""]
    main()
