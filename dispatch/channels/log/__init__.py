"""Channel `log`: a line in the program's log. For a first look, for tests, and for units that nobody has contacts of yet."""

from __future__ import annotations

import logging

from citybrain.config import Settings
from dispatch.channels.base import Answer, Message, one_line

logger = logging.getLogger("citybrain.notices")


class LogChannel:
    """Writes notices to the logger `citybrain.notices`, level INFO (test messages: DEBUG)."""

    name = "log"

    def send(self, message: Message) -> Answer:
        """Write one line. Always ok."""
        # the test message of every ten seconds is for who looks closely
        level = logging.DEBUG if message.purpose == "canary" else logging.INFO
        logger.log(level, "to %s: %s | %s", one_line(message.target), one_line(message.subject), one_line(message.text))
        return Answer("ok", "sent")

    def close(self) -> None:
        """Nothing to let go of."""


def open_channel(settings: Settings) -> LogChannel:
    """The channel; it has no settings."""
    return LogChannel()
