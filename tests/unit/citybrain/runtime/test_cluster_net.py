"""The net under a shared subscription: lets go while the subscription stands, hands on while it does not."""

from __future__ import annotations

from citybrain.runtime.cluster.net import MARGIN_S, Netted
from ingest.delivery import Delivery
from tests.hand import Hand


class Broker(Hand):
    """A hand that is given messages by their tokens."""

    def put(self, token: int) -> None:
        self.waiting.append(Delivery(token, "city/demo/drain/D1/telemetry", b"{}", 1, False, False, 0))


def _pair() -> tuple[Broker, Broker, list[float], Netted]:
    shared, net, now = Broker(), Broker(), [100.0]
    return shared, net, now, Netted(shared, net, lambda: now[0])


def test_while_the_shared_subscription_stands_the_net_lets_go() -> None:
    shared, net, now, both = _pair()
    both.take(10, 0)
    now[0] += MARGIN_S
    shared.put(1)
    net.put(7)
    assert [delivery.token for delivery in both.take(10, 0)] == [1]
    assert net.acked == [7]
    assert both.caught == 0


def test_while_it_does_not_stand_the_net_hands_on_and_acknowledges_later() -> None:
    shared, net, now, both = _pair()
    both.take(10, 0)
    now[0] += MARGIN_S + 1
    shared.connected = False
    net.put(7)
    (caught,) = both.take(10, 0)
    assert (caught.token, caught.dup) == (-8, True)
    assert net.acked == []
    shared.connected = True
    shared.put(0)
    net.put(8)
    assert [delivery.token for delivery in both.take(10, 0)] == [-9, 0], "it may have been told of the subscription early"
    both.ack([-8, 0, -9])
    assert (net.acked, shared.acked) == ([7, 8], [0])
    now[0] += MARGIN_S
    net.put(9)
    assert both.take(10, 0) == []
    assert both.caught == 2


def test_a_net_that_was_away_hands_on_what_was_kept_for_it() -> None:
    shared, net, now, both = _pair()
    both.take(10, 0)
    now[0] += MARGIN_S + 1
    net.connected = False
    both.take(10, 0)
    net.connected = True
    net.put(3)
    assert [delivery.token for delivery in both.take(10, 0)] == [-4]
    both.stop(1)
    assert shared.stopped
    assert net.stopped
