"""Verbs about what reaches people: channels, the ledger of deliveries, several dispatchers at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from citybrain.kernel.contacts import fault, scheme_of
from citybrain.store import outbox
from dispatch.channels import Answer, Channels, Message
from dispatch.channels.apprise import words
from dispatch.cycle import run_cycle
from tests.dispatch_kit import Recorder
from tests.scenarios.dispatch.stage import Stage
from tests.scenarios.dispatch.verbs import expectation, verb


class _Also:
    """Another channel whose messages stand with those of the first."""

    def __init__(self, name: str, mail: Recorder) -> None:
        self.name, self._mail = name, mail

    def send(self, message: Message) -> Answer:
        return self._mail.send(message)

    def close(self) -> None:
        """Nothing is open."""


@verb("channels")
def channels(stage: Stage, argument: Sequence[str]) -> None:
    """These channels are there as well: `[apprise, email]`."""
    stage.channels.close()
    stage.channels = Channels([stage.mail, *(_Also(name, stage.mail) for name in argument)])


@verb("dispatchers")
def dispatchers(stage: Stage, argument: int) -> None:
    """So many dispatchers run their cycle at the same moment, several times."""
    gate = threading.Barrier(argument)

    def one(_: int) -> None:
        with Channels([_Also("log", stage.mail)]) as own:
            for _turn in range(5):
                gate.wait(10)
                run_cycle(
                    stage.db, now=stage.now, infos=stage.infos, register_of=lambda: stage.register, books=stage.books,
                    channels=own, machine_now=stage.machine_now,
                )  # fmt: skip
                own.join(10)

    with ThreadPoolExecutor(argument) as pool:
        list(pool.map(one, range(argument)))


@verb("refused_contact")
def refused_contact(stage: Stage, argument: Mapping[str, str]) -> None:
    """A contact that is refused, with these words: `{contact: …, says: …}`."""
    assert argument["says"] in (fault(argument["contact"]) or ""), fault(argument["contact"])


def _lines(stage: Stage, asset: str) -> list[str]:
    order = stage.order_of(asset)
    with stage.db.transaction() as tx:
        rows = outbox.told(tx, order_id=str(order["id"]), limit=1000)
    return [f"{row['outcome']} {row['reason']} {row['purpose']} {row['target']}" for row in rows]


@expectation("deliveries")
def deliveries(stage: Stage, wanted: Mapping[str, list[str]]) -> None:
    """The ledger of deliveries about the newest order of an asset: `outcome reason purpose target` of each line."""
    for asset, lines in wanted.items():
        found = _lines(stage, asset)
        assert found == lines, f"deliveries of {asset}: {found} instead of {lines}"


@expectation("each_delivered_once")
def each_delivered_once(stage: Stage, wanted: Mapping[str, int]) -> None:
    """So many notices were sent to a target, none twice: `{"log:drainage": 6}`."""
    with stage.db.transaction() as tx:
        rows = outbox.told(tx, limit=10_000)
    for target, number in wanted.items():
        sent = Counter(row["notice"] for row in rows if row["target"] == target and row["outcome"] == "sent")
        assert len(sent) == number, f"{target}: {len(sent)} notices were sent instead of {number}"
        assert set(sent.values()) <= {1}, f"{target}: a notice was sent twice"


@expectation("tried_at_most")
def tried_at_most(stage: Stage, wanted: Mapping[str, int]) -> None:
    """A target was written to so many times at most, over all."""
    for target, number in wanted.items():
        found = sum(message.target == target for message in stage.mail.sent)
        assert 0 < found <= number, f"{target}: written to {found} times"


@expectation("moved_by")
def moved_by(stage: Stage, wanted: Mapping[str, list[str]]) -> None:
    """Moves of people in the history of an asset's order: `event actor: reason`."""
    for asset, lines in wanted.items():
        found = [
            f"{row['event']} {row['actor']}: {row['reason']}"
            for row in stage.order_of(asset)["events"]
            if row["event"] in {"ack", "arrive", "fix", "return", "cancel"}
        ]
        assert found == lines, f"moves of {asset}: {found} instead of {lines}"


@expectation("shown")
def shown(stage: Stage, wanted: Mapping[str, Any]) -> None:
    """How the newest message to a contact of a service looks there: `{"feishu://…": "words in it"}`."""
    for target, part in wanted.items():
        message = [one for one in stage.mail.sent if one.target == target][-1]
        for language in ("en", "zh"):
            text = "\n".join(words(scheme_of(target), message._replace(language=language)))
            assert str(part) in text, f"{target}: {text!r}"
