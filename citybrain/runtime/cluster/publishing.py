"""The register and the rulebook into the topic `register`: by one dispatch service at a time, whichever has the lock."""

from __future__ import annotations

import logging
from importlib.resources import files
from pathlib import Path

from citybrain.clock import Clock
from citybrain.config import Settings
from citybrain.runtime.city import City
from citybrain.store.db import Tx
from citybrain.store.link import Link
from citybrain.store.published import lead, published, save_published
from citybrain.store.register import changed_since
from citybrain.topics.admin import end_offsets
from citybrain.topics.changes import RulebookText
from citybrain.topics.client import topic_name
from citybrain.topics.producer import Producer
from citybrain.topics.publisher import publish_register, publish_rulebook
from citybrain.topics.spec import REGISTER
from citybrain.yamlfile import parse
from rules.load import from_files

log = logging.getLogger(__name__)


class Publishing:
    """Turned several times a second by one thread. Raises UnavailableError without database or Kafka; then turn again."""

    def __init__(self, settings: Settings, city: City, clock: Clock, producer: Producer, link: Link, source: str) -> None:
        self._settings, self._city, self._clock, self._producer = settings, city, clock, producer
        self._link, self._source = link, source
        self._topic = topic_name(settings, REGISTER)
        self.leads = False
        self._rulebook = ""
        """version of the rulebook that was told"""

    def turn(self) -> bool:
        """Publish what is new, when it is on us; True when something was."""
        with self._link.transaction() as tx:
            leads = lead(tx)
            since = published(tx, self._topic) if leads else None
        if not leads:
            self.leads = False
            return False
        if not self.leads:
            log.info("publishes the register from now on; published until now: %s", since)
            self._rulebook = ""
            if since is not None and not sum(end_offsets(self._settings, REGISTER).values()):
                log.warning("topic %s is empty: everything is published again", self._topic)
                since = None
            self.leads = True
        return self._publish_register(since) | self._publish_rulebook()

    def _publish_register(self, since: int | None) -> bool:
        with self._link.transaction() as tx:
            found = changed_since(tx, since or 0)
        if since is not None and found.version <= since:
            return False
        told = publish_register(
            self._producer, version=found.version, assets=found.assets, devices=found.devices, source=self._source,
            at=self._clock.now(),
        )  # fmt: skip
        with self._link.transaction() as tx:
            self._still_leading(tx)
            save_published(tx, self._topic, found.version)
        log.info("register version %d published: %d records", found.version, told)
        return True

    def _still_leading(self, tx: Tx) -> None:
        """The connection may be a new one: then somebody else may lead, and will publish the same."""
        if not lead(tx):
            self.leads = False

    def _publish_rulebook(self) -> bool:
        if self._city.rulebook.version == self._rulebook:
            return False
        text = rulebook_text(self._settings.rulebook)
        if text is None or text.version == self._rulebook:
            return False
        publish_rulebook(self._producer, text, source=self._source, at=self._clock.now())
        self._rulebook = text.version
        log.info("rulebook %s published", text.version)
        return True


def rulebook_text(path: Path | None) -> RulebookText | None:
    """The files of the shipped rulebook and that of the city over them, with the version that they give together; None when
    they are at fault."""
    shipped = sorted(files("rules").joinpath("conditions").iterdir(), key=lambda file: file.name)
    found = [(f"rules/conditions/{file.name}", file.read_text("utf-8")) for file in shipped if file.name.endswith(".yml")]
    if path is not None:
        try:
            found.append((path.name, path.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            log.error("rulebook %s cannot be read: %s", path, error)
            return None
    book, faults = from_files([parse(text, name) for name, text in found])
    for fault in faults:
        log.error("rulebook not published: %s", fault)
    return None if book is None else RulebookText(book.version, tuple(found))
