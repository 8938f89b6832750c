"""Ways to reach people and programs: one folder each. A further one needs its folder and a line in `OPENERS`.

The scheme of a contact chooses the channel (`citybrain.kernel.contacts.CHANNELS`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from threading import Lock

from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError
from citybrain.linkkey import link_key
from dispatch.channels import apprise, email, log, webhook
from dispatch.channels.base import OUTCOMES, REASONS, Answer, Channel, Message, safe_target
from dispatch.links import Links

__all__ = ["OUTCOMES", "REASONS", "Answer", "Channel", "Channels", "Message", "open_channels", "safe_target"]

_log = logging.getLogger(__name__)

OPENERS: Mapping[str, Callable[[Settings], Channel]] = {
    "log": log.open_channel,
    "webhook": webhook.open_channel,
    "email": email.open_channel,
    "apprise": apprise.open_channel,
}


class Channels:
    """The channels of a process, and the threads that send: one target never waits for another.

    A target is worked on by one thread at a time; while it is, `start` leaves it alone.
    """

    def __init__(
        self, channels: Iterable[Channel], *, language: str = "en", threads: int = 8, links: Links | None = None
    ) -> None:
        self.language, self.links = language, links
        self._channels = {channel.name: channel for channel in channels}
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="notices")
        self._running: dict[str, Future[int]] = {}
        self._lock = Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """The channels there are."""
        return tuple(self._channels)

    def send(self, channel: str, message: Message) -> Answer:
        """Try once. A channel that fails in a way it should not is answered for here."""
        known = self._channels.get(channel)
        if known is None:
            return Answer("fail", "bad_target", "no channel for this scheme")
        try:
            return known.send(message)
        except Exception as error:  # a fault of one channel must not stop the outbox; its text may hold secrets
            _log.error("channel %s failed on %s: %s", channel, safe_target(message.target), type(error).__name__)
            return Answer("retry", "internal_error", type(error).__name__)

    def start(self, target: str, work: Callable[[], int]) -> None:
        """Work on a target in a thread, unless one does already."""
        with self._lock:
            running = self._running.get(target)
            if running is None or running.done():
                self._running[target] = self._pool.submit(work)

    def join(self, timeout_s: float) -> int:
        """Wait up to `timeout_s` for the work that was started; the sum of what finished answered. Errors are raised."""
        with self._lock:
            running = dict(self._running)
        finished, _ = wait(running.values(), timeout_s)
        with self._lock:
            for target, one in running.items():
                if one in finished and self._running.get(target) is one:
                    del self._running[target]
        return sum(one.result() for one in finished)

    def close(self) -> None:
        """Wait for what is being sent, then let go."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for channel in self._channels.values():
            channel.close()

    def __enter__(self) -> Channels:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_channels(settings: Settings) -> Channels:
    """All channels, by the settings. No network is touched before the first message. Raises ConfigError, UnavailableError."""
    links = None
    if settings.public_url:
        if settings.kafka_url and not settings.link_secret:
            raise ConfigError(
                "dispatch signs the links that console reads: with kafka_url give both the same, 16 letters or more",
                key="link_secret",
            )
        links = Links(link_key(settings), settings.public_url, timedelta(hours=settings.link_hours))
    return Channels((opener(settings) for opener in OPENERS.values()), language=settings.language, links=links)
