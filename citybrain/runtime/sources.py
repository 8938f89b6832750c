"""Where the pipeline takes messages from: one bridge in this process, or several in processes of their own."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, Protocol

from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError
from citybrain.metrics import Metrics
from citybrain.runtime.process import die_with_parent
from ingest.bridge import Bridge, Delivery

log = logging.getLogger(__name__)
GROUP = "citybrain"
_STRIDE = 1 << 40
"""tokens of worker n are n * _STRIDE + its own"""


def client_id(settings: Settings) -> str:
    """The fixed name under which the broker keeps the pipeline's session."""
    return f"citybrain-{settings.city}"


class Source(Protocol):
    """Where messages come from: the bridge, or several of them (see `ingest.bridge.Bridge`)."""

    def start(self) -> None: ...
    def stop(self, drain_s: float) -> None: ...
    def take(self, max_messages: int, wait_s: float) -> list[Delivery]: ...
    def ack(self, tokens: Sequence[int]) -> None: ...
    def backlog(self) -> int: ...
    @property
    def connected(self) -> bool: ...


def open_source(settings: Settings, subscriptions: Sequence[str], metrics: Metrics) -> Source:
    """One bridge, or a group of processes that share the subscription when `ingest_workers` > 1 (MQTT 5 only)."""
    if settings.ingest_workers == 1:
        return Bridge(
            settings,
            client_id=client_id(settings),
            subscriptions=subscriptions,
            shared=None,
            queue_size=settings.queue_size,
            on_connect_metric=metrics.reconnects.inc,
        )
    if settings.mqtt_protocol != "5":
        raise ConfigError(
            f"{settings.ingest_workers} ingest workers share one subscription, which needs MQTT 5: set mqtt_protocol to '5', "
            "or ingest_workers to 1",
            key="ingest_workers",
        )
    return Workers(settings, subscriptions)


class Workers:
    """Bridges in processes of their own, joined by pipes. A worker that dies is started again; the broker redelivers."""

    def __init__(self, settings: Settings, subscriptions: Sequence[str]) -> None:
        self._settings, self._subscriptions = settings, list(subscriptions)
        self._inbox: queue.Queue[list[Delivery]] = queue.Queue(maxsize=max(4, settings.queue_size // 500))
        self._kept: list[Delivery] = []
        self._pipes: dict[int, Connection] = {}
        self._up: set[int] = set()
        self._stopping = False
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start every worker and the thread that reads from it."""
        for number in range(self._settings.ingest_workers):
            thread = threading.Thread(target=self._keep, args=(number,), name=f"ingest-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _keep(self, number: int) -> None:
        context = multiprocessing.get_context("spawn")
        life = 0
        while not self._stopping:
            life += 1
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work, args=(number, self._settings, self._subscriptions, theirs, os.getpid()), daemon=True
            )
            process.start()
            theirs.close()
            self._pipes[number] = ours
            base = (life * 1000 + number) * _STRIDE
            try:
                while not self._stopping:
                    if not ours.poll(0.2):
                        continue
                    kind, content = ours.recv()
                    if kind == "connected":
                        (self._up.add if content else self._up.discard)(number)
                    else:
                        self._inbox.put([delivery._replace(token=base + delivery.token) for delivery in content])
            except (EOFError, OSError):
                log.warning("ingest worker %d ended, starting another", number)
            self._up.discard(number)
            process.kill()
            process.join()
            ours.close()
            time.sleep(0 if self._stopping else 0.5)

    def take(self, max_messages: int, wait_s: float) -> list[Delivery]:
        """As `Bridge.take`."""
        taken, self._kept = self._kept[:max_messages], self._kept[max_messages:]
        try:
            while len(taken) < max_messages:
                taken += self._inbox.get(block=not taken and wait_s > 0, timeout=wait_s or None)
        except queue.Empty:
            pass
        self._kept, taken = taken[max_messages:] + self._kept, taken[:max_messages]
        return taken

    def ack(self, tokens: Sequence[int]) -> None:
        """As `Bridge.ack`; a worker that is gone needs none."""
        sorted_: dict[int, list[int]] = defaultdict(list)
        for token in tokens:
            owner, own = divmod(token, _STRIDE)
            sorted_[owner % 1000].append(own)
        for number, own_tokens in sorted_.items():
            try:
                self._pipes[number].send(own_tokens)
            except (OSError, ValueError):
                log.info("ingest worker %d is gone: its %d messages come again", number, len(own_tokens))

    def backlog(self) -> int:
        """Roughly how many messages wait here."""
        return len(self._kept) + self._inbox.qsize() * 500

    @property
    def connected(self) -> bool:
        """True when every worker has its broker."""
        return len(self._up) == self._settings.ingest_workers

    def stop(self, drain_s: float) -> None:
        """End the workers after their last acknowledgements had time to leave."""
        time.sleep(min(drain_s, 0.3))
        self._stopping = True
        for thread in self._threads:
            thread.join(5)


def _work(number: int, settings: Settings, subscriptions: list[str], pipe: Connection, parent: int) -> None:
    """One worker: bridge on one side, pipe on the other."""
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    client = f"{client_id(settings)}-{number}"
    share = max(1000, settings.queue_size // settings.ingest_workers)
    bridge = Bridge(
        settings, client_id=client, subscriptions=subscriptions, shared=GROUP, queue_size=share, on_connect_metric=None
    )
    bridge.start()
    reported: Any = None
    acks = threading.Thread(target=_acks, args=(bridge, pipe), daemon=True)
    acks.start()
    while acks.is_alive():
        if bridge.connected != reported:
            reported = bridge.connected
            pipe.send(("connected", reported))
        if batch := bridge.take(500, 0.1):
            pipe.send(("batch", batch))


def _acks(bridge: Bridge, pipe: Connection) -> None:
    try:
        while True:
            bridge.ack(pipe.recv())
    except (EOFError, OSError):
        return
