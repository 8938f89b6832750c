"""Links in notices as a telephone and a mail scanner meet them: a real PostgreSQL, a real HTTP server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from citybrain.clock import SystemClock
from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Responsibility
from citybrain.linkkey import KEY_FILE, link_key
from citybrain.store import orders as order_store
from citybrain.store import register as register_store
from citybrain.store.db import Database
from console.routes.links import BURST
from dispatch.links import Claim, Links, nonce, read, sign
from tests.live.test_http import Server

pytestmark = pytest.mark.live

KEY = b"a key for the tests of links"
ZH = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}


@pytest.fixture
def server(db: Database, tmp_path: Path) -> Iterator[Server]:
    with db.transaction() as tx:
        unit = Unit("drainage", "Drainage", "排水中心", timezone="Asia/Shanghai", contacts=("mailto:crew@example.org",))
        register_store.save_units(tx, [unit])
        register_store.save_assets(tx, [Asset("MH-1", "manhole", 31.3, 120.6, name="<b>Pit</b> at No. 1")])
        register_store.save_responsibilities(tx, [Responsibility("all", "guardian", "drainage")])
    one = Server(db, tmp_path, link_secret=KEY.decode())
    yield one
    one.stop()


@pytest.fixture
def order(server: Server) -> str:
    server.raise_alert("MH-1")
    (found,) = server.client.get("/api/orders").json()["items"]
    return str(found["id"])


def link(order: str, verb: str = "ack", *, hours: float = 24, number: str = "n-1", key: bytes = KEY, person: str = "li") -> str:
    expires = SystemClock().now() + timedelta(hours=hours)
    return "/l/" + sign(key, Claim(order, verb, person, expires, nonce(number, verb)))


def state(server: Server, order: str) -> str:
    return str(server.client.get(f"/api/orders/{order}").json()["state"])


def test_looking_changes_nothing_and_the_button_does_it_once(server: Server, order: str) -> None:
    where = link(order)
    for _ in range(3):
        shown = server.client.get(where)
        assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert '<form method="post"><button' in shown.text
        assert "Cover open, &lt;b&gt;Pit&lt;/b&gt; at No. 1" in shown.text, "names of the register are no HTML"
        assert "CST" in shown.text, "the time of the unit's wall"
        assert shown.headers["cache-control"] == "no-store"
        assert shown.headers["referrer-policy"] == "no-referrer"
        assert state(server, order) == "dispatched"
    assert server.client.head(where).status_code == 200
    assert state(server, order) == "dispatched"
    done = server.client.post(where)
    assert (done.status_code, "is acknowledged" in done.text) == (200, True)
    assert state(server, order) == "acknowledged"
    with server.db.transaction() as tx:
        move = order_store.last_move(tx, order)
    assert move is not None
    assert (move["event"], move["actor"]) == ("ack", "li")
    for again in (server.client.get(where), server.client.post(where)):
        assert (again.status_code, "used already" in again.text) == (410, True)
    assert server.client.post(link(order, "fix")).status_code == 200
    assert state(server, order) == "fixed"


def test_many_at_once_do_it_once(server: Server, order: str) -> None:
    where = link(order)
    with ThreadPoolExecutor(8) as pool:
        answers = sorted(one.status_code for one in pool.map(lambda _: server.client.post(where), range(8)))
    assert answers == [200] + [410] * 7
    events = server.client.get(f"/api/orders/{order}").json()["events"]
    assert [event["event"] for event in events].count("ack") == 1


def test_pages_speak_chinese(server: Server, order: str) -> None:
    assert "签收工单" in server.client.get(link(order), headers=ZH).text
    assert "井盖打开" in server.client.get(link(order), headers=ZH).text
    assert "链接无效" in server.client.get("/l/nonsense", headers=ZH).text
    assert "已签收" in server.client.post(link(order), headers=ZH).text
    assert "已使用过" in server.client.get(link(order), headers=ZH).text


def test_links_that_are_none_say_so_and_change_nothing(server: Server, order: str) -> None:
    good = link(order)
    wrong = [
        "/l/nonsense", "/l/a.b", "/l/%00", good[:-1] + ("A" if good[-1] != "A" else "B"), link(order, key=b"another key"),
        link("00000000-0000-0000-0000-000000000000"),
    ]  # fmt: skip
    for where in wrong:
        for answer in (server.client.get(where), server.client.post(where)):
            assert answer.status_code in {404, 422}, where
    old = server.client.post(link(order, hours=-1))
    assert (old.status_code, "too old" in old.text) == (410, True)
    assert state(server, order) == "dispatched"


def test_an_order_that_moved_on_is_left_alone(server: Server, order: str) -> None:
    server.client.post(link(order, "fix"))
    late = link(order, "ack", number="n-2")
    for answer in (server.client.get(late), server.client.post(late)):
        assert (answer.status_code, "has moved on" in answer.text, "fixed" in answer.text) == (409, True, True)
    assert state(server, order) == "fixed"


def test_who_guesses_is_stopped(server: Server) -> None:
    answers = [server.client.get(f"/l/guess{number}").status_code for number in range(BURST + 10)]
    assert answers[:BURST] == [404] * BURST
    assert answers[-1] == 429


def test_a_key_is_made_once_and_kept_to_the_owner(server: Server, tmp_path: Path) -> None:
    given = server.http.config.app.state.console.settings  # type: ignore[union-attr]
    fresh = given.model_copy(update={"link_secret": None, "data_dir": tmp_path / "data"})
    made = link_key(fresh)
    assert made == link_key(fresh)
    assert len(made) >= 32
    assert (tmp_path / "data" / KEY_FILE).stat().st_mode & 0o077 == 0


def test_links_of_a_notice_are_what_may_be_done(order: str) -> None:
    links = Links(KEY, "https://city.example/", timedelta(hours=24))
    notice = {
        "id": "n-9", "purpose": "dispatched", "order_id": order, "channel": "email", "person": None,
        "body": {"unit": "drainage"}, "created_at": SystemClock().now(),
    }  # fmt: skip
    found = links.of(notice, "dispatched")
    assert list(found) == ["ack", "fix"]
    assert found == links.of(notice, "dispatched"), "a notice that is sent again has the same links"
    claim = read(KEY, found["fix"].removeprefix("https://city.example/l/"))
    assert claim is not None
    assert (claim.order_id, claim.verb, claim.person) == (order, "fix", "drainage")
    assert list(links.of(notice, "acknowledged")) == ["fix"]
    assert links.of(notice, "fixed") == {}
    assert links.of({**notice, "purpose": "closed"}, "dispatched") == {}
    assert links.of({**notice, "channel": "log"}, "dispatched") == {}, "logs are read by many"
