from collections.abc import Sequence

import pytest

from citybrain.kernel.errors import UnavailableError
from citybrain.kernel.ids import content_hash
from simulators.ledger import Ledger, mark_of
from simulators.publish import Player
from simulators.world import Emission


def emission(number: int, fault: str | None = None) -> Emission:
    """A message of one asset."""
    return Emission(1000 + number, "t", b'{"n":%d}' % number, "MH-1", 1000 + number, fault)


def test_only_acknowledged_messages_are_published_and_each_counts_once() -> None:
    ledger = Ledger()
    for mid in (1, 2, 3):
        ledger.sending(mid, emission(mid), 0)
    assert (ledger.sent, ledger.published, ledger.in_flight) == (3, 0, 3)
    assert ledger.acknowledged(2)
    assert not ledger.acknowledged(2), "the same number again is no message"
    assert not ledger.acknowledged(9)
    assert (ledger.published, ledger.in_flight) == (1, 2)
    assert ledger.readings == {mark_of(("MH-1", 1002, content_hash(b'{"n":2}')))}


def test_the_same_message_twice_is_one_reading_and_two_messages() -> None:
    ledger = Ledger()
    for mid in (1, 2):
        ledger.sending(mid, emission(5), 0)
        ledger.acknowledged(mid)
    assert ledger.published == 2
    assert ledger.readings is not None
    assert len(ledger.readings) == 1


def test_a_message_number_is_used_again_after_its_acknowledgement() -> None:
    ledger = Ledger()
    for number in range(3):
        ledger.sending(1, emission(number), 0)
        assert ledger.acknowledged(1)
    assert ledger.published == 3


def test_the_first_publishing_of_a_message_about_a_fault_counts() -> None:
    ledger = Ledger()
    ledger.sending(1, emission(1, "f1"), 500)
    ledger.sending(2, emission(1, "f1"), 900)
    ledger.sending(3, emission(2), 950)
    assert ledger.about_faults == {("MH-1", 1001): 500}


def test_a_run_without_an_end_does_not_grow() -> None:
    ledger = Ledger(readings=50, faults=10)
    for number in range(100):
        ledger.sending(number, emission(number, "f"), number)
        ledger.acknowledged(number)
    assert (ledger.readings, ledger.published, len(ledger.about_faults)) == (None, 100, 10)


class Town:
    """A world that sends one message a second and remembers who repaired what."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self._sent = 0

    def advance(self, to_ms: int) -> list[Emission]:
        self.calls.append(to_ms)
        first, self._sent = self._sent, to_ms // 1000
        return [emission(number) for number in range(first, self._sent)]

    def repair(self, asset: str, at_ms: int) -> bool:
        self.calls.append((asset, at_ms))
        return True


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.ms = 0

    def now_ms(self) -> int:
        return self.ms


def _player(town: Town, hands: Hands, sent: list[Emission], steps: list[int]) -> Player:
    return Player(town, hands, sent.append, lambda: None, on_step=steps.append)


def test_repairs_go_before_the_next_step_and_nothing_is_sent_twice() -> None:
    town, hands = Town(), Hands()
    sent: list[Emission] = []
    steps: list[int] = []
    player = _player(town, hands, sent, steps)
    hands.ms = 2500
    assert player.step() == 2
    player.repair("MH-9", 2400)
    hands.ms = 4000
    assert player.step() == 2
    assert town.calls == [2500, ("MH-9", 2400), 4000]
    assert [one.at_ms for one in sent] == [1000, 1001, 1002, 1003]
    assert (steps, player.world_ms) == ([2500, 4000], 4000)


def test_a_stopped_player_sends_nothing_more() -> None:
    town, hands = Town(), Hands()
    sent: list[Emission] = []
    player = _player(town, hands, sent, [])
    hands.ms = 5000
    player.stop()
    assert player.step() == 0
    player.run()
    assert sent == []


def test_a_failure_ends_the_run_and_is_kept() -> None:
    def refuse(_: Emission) -> None:
        raise UnavailableError("no broker")

    hands = Hands()
    hands.ms = 3000
    player = Player(Town(), hands, refuse, lambda: None)
    player.run()
    assert isinstance(player.failure, UnavailableError)


@pytest.mark.parametrize("numbers", [(1,), (1, 2, 3), (3, 1, 2)])
def test_acknowledgements_come_in_any_order(numbers: Sequence[int]) -> None:
    ledger = Ledger()
    for mid in sorted(numbers):
        ledger.sending(mid, emission(mid), 0)
    for mid in numbers:
        assert ledger.acknowledged(mid)
    assert ledger.in_flight == 0
