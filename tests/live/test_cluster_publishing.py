"""The register and the rulebook reach their followers: at the start, on change, after a change of the leader."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from citybrain.clock import real_ms
from citybrain.config import Settings
from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.kernel.ids import alert_id
from citybrain.kernel.model import Asset, Device, Unit
from citybrain.kernel.register import Register, Responsibility
from citybrain.runtime.cluster.publishing import rulebook_text
from citybrain.store import register as register_store
from citybrain.store import views
from citybrain.store.db import Database
from citybrain.topics.changes import RulebookText
from citybrain.topics.follower import Follower
from citybrain.topics.following import follow
from citybrain.topics.producer import Producer
from citybrain.topics.records import Alert
from rules.load import load
from tests import cluster_kit as kit
from tests.cluster_kit import Process, city_topics, services, wait_until, write_alerts

pytestmark = pytest.mark.live

STRICTER = """\
MH-OPEN:
  params:
    raise: 44
"""


class Worker:
    """What a worker knows that follows."""

    def __init__(self, settings: Settings) -> None:
        self._follower = Follower(settings)
        self.register = Register()
        self.rulebook: RulebookText | None = None

    def look(self) -> Worker:
        """Take over what is new."""
        found = follow(self.register, self._follower.poll(0.2))
        self.rulebook = found.rulebook or self.rulebook
        return self

    @property
    def whole(self) -> bool:
        """Has the register been told as a whole?"""
        return self._follower.published >= 0

    def close(self) -> None:
        self._follower.close()


@pytest.fixture
def city(kafka_url: str, db_url: str, db: Database, tmp_path: Path) -> Iterator[Settings]:
    """Some covers, and a rulebook file that repeats what is shipped."""
    book = tmp_path / "book.yml"
    book.write_text("MH-OPEN: {}\n")
    with db.transaction() as tx:
        register_store.save_units(tx, [Unit("works", "Works", contacts=("log:works",))])
        register_store.save_assets(tx, [Asset(f"mh-{n}", "manhole", district="d1") for n in range(20)])
        register_store.save_devices(tx, [Device("d1", "mh-1")])
        register_store.save_responsibilities(tx, [Responsibility("d1", "area", "works", area="d1")])
    with city_topics(kit.settings(kafka_url, db_url, rulebook=book)) as given:
        yield given


@pytest.fixture
def worker(city: Settings) -> Iterator[Worker]:
    one = Worker(city)
    yield one
    one.close()


def test_changes_of_register_and_rulebook_are_followed_whoever_leads(
    city: Settings, db: Database, worker: Worker, tmp_path: Path
) -> None:
    assert city.rulebook is not None
    both = [Process(["dispatch"], city, tmp_path, CITYBRAIN_SERVICE_ID=name) for name in ("one", "two")]
    with services(*both):
        wait_until(lambda: worker.look().whole and worker.rulebook, 40, "the register was told")
        assert len(worker.register.assets) == 20
        assert worker.register.devices["d1"][0].asset == "mh-1"
        assert worker.rulebook is not None
        assert worker.rulebook.version == load(city.rulebook).version

        with db.transaction() as tx:
            register_store.save_assets(tx, [Asset("mh-1", "manhole", district="d2"), Asset("mh-new", "manhole")])
        wait_until(lambda: "mh-new" in worker.look().register.assets, 10, "a new asset is followed")
        assert worker.register.assets["mh-1"].district == "d2"

        city.rulebook.write_text(STRICTER)
        wanted = load(city.rulebook).version
        wait_until(lambda: worker.look().rulebook.version == wanted, 10, "a new rulebook is followed")
        city.rulebook.write_text("MH-OPEN: [\n")
        time.sleep(2.5)
        assert worker.look().rulebook.version == wanted, "one that is at fault changes nothing"
        city.rulebook.write_text(STRICTER)

        leader, heir = sorted(both, key=lambda one: "publishes the register" in one.text(), reverse=True)
        leader.kill()
        with db.transaction() as tx:
            register_store.save_assets(tx, [Asset("mh-later", "manhole")])
        wait_until(lambda: "mh-later" in worker.look().register.assets, 10, "the other one leads")
        assert "publishes the register" in heir.text()
        assert [heir.stop()] == [0]


def test_an_alert_waits_for_its_asset_but_not_for_ever(city: Settings, db: Database, tmp_path: Path) -> None:
    now, producer = real_ms(), Producer(city, "tests")

    def raised(asset: str) -> Alert:
        id = alert_id(asset, "MH-OPEN", now)
        return Alert(AlertEvent(id, AlertChange.RAISED, "firing", asset, "manhole", "MH-OPEN", "critical", now, now, "r"))

    def unit_of(asset: str) -> str | None:
        with db.transaction() as tx:
            found = views.orders(tx, asset=asset, limit=2)
        return found[0]["unit"] if found else None

    one = Process(["dispatch"], city, tmp_path)
    with services(one):
        wait_until(one.ready, 40, "it is ready")
        write_alerts(producer, [raised("mh-born"), raised("mh-ghost"), *(raised(f"mh-{n}") for n in range(20))])
        time.sleep(1)
        assert unit_of("mh-born") is None
        with db.transaction() as tx:
            register_store.add_provisional(tx, [Asset("mh-born", "manhole", district="d1", provisional=True)], [])
        wait_until(lambda: unit_of("mh-born"), 3, "its alert is dispatched")
        assert unit_of("mh-born") == "works"
        took = wait_until(lambda: unit_of("mh-ghost"), 10, "nobody waits for ever")
        assert took > 1
        assert unit_of("mh-ghost") == "unassigned"
        assert all(unit_of(f"mh-{n}") == "works" for n in range(20))
    producer.close()


def test_a_topic_that_was_made_anew_gets_the_whole_register_again(city: Settings, db: Database, tmp_path: Path) -> None:
    one = Process(["dispatch"], city, tmp_path)
    with services(one):
        wait_until(lambda: "register version" in one.text(), 40, "it is published")
        one.send(signal.SIGHUP)
        wait_until(lambda: "rulebook same" in one.text(), 5, "it reads the rulebook again when asked")
        assert one.stop() == 0
    # as after a deletion of the topic, or with another prefix: the table says that all is published
    other = city.model_copy(update={"kafka_prefix": city.kafka_prefix + "x-"})
    with db.transaction() as tx:
        tx.run(
            "INSERT INTO register_published SELECT %(new)s, version FROM register_published",
            new=other.kafka_prefix + "register",
        )
    with city_topics(other):
        worker, again = Worker(other), Process(["dispatch"], other, tmp_path)
        with services(again):
            wait_until(lambda: len(worker.look().register.assets) == 20, 40, "everything is published again")
            assert again.stop() == 0
        worker.close()


def test_the_published_rulebook_is_the_one_that_the_program_loads(tmp_path: Path) -> None:
    book = tmp_path / "own.yml"
    shutil.copy(__file__, book)
    assert rulebook_text(book) is None
    book.write_text(STRICTER)
    text = rulebook_text(book)
    assert text is not None
    assert text.version == load(book).version != load(None).version
    assert text.files[-1] == ("own.yml", STRICTER)
    assert rulebook_text(tmp_path / "not-there.yml") is None
