import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from citybrain.kernel.times import from_ms
from dispatch.orders import move
from simulators.crew import Crew

START = 1_772_463_600_000
MINUTE = 60_000


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.ms = START

    def now_ms(self) -> int:
        return self.ms


class Api:
    """The order API over a few orders in memory, with the real table of states."""

    def __init__(self, hands: Hands, number: int = 1, page: int = 500) -> None:
        self.hands, self.page = hands, page
        self.said: list[tuple[int, str, dict[str, Any]]] = []
        self.down = False
        self.orders = {
            f"o{n}": {
                "id": f"o{n}", "number": n, "case_id": f"c{n}", "asset": f"MH-{n}", "cause": "cover_open", "unit": "drainage",
                "state": "dispatched", "dispatched_at": from_ms(START).isoformat(),
                "due_at": (from_ms(START) + timedelta(hours=10)).isoformat(),
            }
            for n in range(1, number + 1)
        }  # fmt: skip

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("gone")
        assert request.headers["Authorization"] == "Bearer secret"
        match request.url.path.split("/")[2:]:
            case ["orders"]:
                rows = [order for order in self.orders.values() if order["state"] not in {"closed", "cancelled"}]
                first = int(request.url.params.get("cursor", 0))
                following = first + self.page
                return httpx.Response(
                    200,
                    json={"items": rows[::-1][first:following], "next": str(following) if following < len(rows) else None},
                )
            case ["cases", name]:
                number = name[1:]
                return httpx.Response(200, json={"alerts": [{"asset": f"MH-{number}"}, {"asset": f"child-{number}"}]})
            case ["orders", name, verb]:
                order = self.orders[name]
                body = json.loads(request.content)
                try:
                    order["state"] = move(str(order["state"]), verb)
                except Exception as error:
                    return httpx.Response(409, json={"detail": str(error)})
                self.said.append((int(str(order["number"])), verb, body))
                return httpx.Response(200, json=order)
        return httpx.Response(404)


@pytest.fixture
def hands() -> Hands:
    return Hands()


def _crew(api: Api, hands: Hands, repaired: list[tuple[str, int]]) -> Crew:
    client = httpx.Client(base_url="http://city", transport=httpx.MockTransport(api))
    return Crew(client, hands, lambda asset, at: repaired.append((asset, at)), seed=7, token="secret")


def test_an_order_is_worked_off_and_the_world_is_repaired_before_the_crew_says_so(hands: Hands) -> None:
    api, repaired = Api(hands), list[tuple[str, int]]()
    crew = _crew(api, hands, repaired)
    for _ in range(120):
        before = len(api.said)
        crew.round()
        if len(api.said) > before and api.said[-1][1] == "fix":
            assert [asset for asset, _ in repaired] == ["MH-1", "child-1"]
        hands.ms += MINUTE
    assert [verb for _, verb, _ in api.said] == ["ack", "arrive", "make_safe", "fix"]
    assert api.said[0][2]["actor"] == "crew of drainage"
    assert crew.moves == 4


def test_an_order_is_given_back_once_and_taken_when_it_comes_again(hands: Hands) -> None:
    api = Api(hands, number=4)
    crew = _crew(api, hands, [])
    for _ in range(120):
        crew.round()
        for order in api.orders.values():
            if order["state"] == "returned":
                order["state"] = "dispatched"
        hands.ms += MINUTE
    assert [verb for number, verb, _ in api.said if number == 4] == ["return", "ack", "arrive", "make_safe", "fix"]
    assert next(body["reason"] for number, verb, body in api.said if verb == "return")
    assert all(order["state"] == "fixed" for order in api.orders.values())


def test_rework_is_done_again_and_closed_orders_are_forgotten(hands: Hands) -> None:
    api, repaired = Api(hands), list[tuple[str, int]]()
    crew = _crew(api, hands, repaired)
    sent_back = False
    for _ in range(200):
        crew.round()
        if api.orders["o1"]["state"] == "fixed":
            api.orders["o1"]["state"] = "closed" if sent_back else "rework"
            sent_back = True
        hands.ms += MINUTE
    assert [verb for _, verb, _ in api.said] == ["ack", "arrive", "make_safe", "fix"] * 2
    assert len(repaired) == 4
    assert crew._works == {}


def test_an_order_that_moved_on_meanwhile_is_no_failure(hands: Hands) -> None:
    api = Api(hands)
    crew = _crew(api, hands, [])
    crew.round()
    hands.ms += 30 * MINUTE
    stale = dict(api.orders["o1"])
    api.orders["o1"]["state"] = "cancelled"
    work = crew._works["o1"]
    assert crew._say(stale, work, "ack", "on our way", hands.ms) == 0
    assert (crew.refused, crew.moves) == (1, 0)


def test_all_pages_are_read(hands: Hands) -> None:
    api = Api(hands, number=7, page=2)
    crew = _crew(api, hands, [])
    crew.round()
    assert len(crew._works) == 7


def test_a_server_that_is_away_is_waited_for(hands: Hands) -> None:
    api = Api(hands)
    crew = _crew(api, hands, [])
    api.down = True
    with pytest.raises(httpx.HTTPError):
        crew.round()
    api.down = False
    assert crew.round() == 0
