"""The HTTP server as an integrator meets it: a real PostgreSQL, a real uvicorn on a free port."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from citybrain.clock import SystemClock
from citybrain.config import Settings
from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.events import AlertEvent
from citybrain.kernel.ids import alert_id
from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Responsibility
from citybrain.store import register as register_store
from citybrain.store.db import Database
from console.app import create_app
from console.follow import DatabaseFollower, HttpFollower, sse
from console.serve import HttpServer, bind
from dispatch.books import load_books
from dispatch.intake import take

pytestmark = pytest.mark.live

TOKEN = "a-token-for-tests"
AUTH = {"Authorization": f"Bearer {TOKEN}"}
OPEN = ConditionInfo(
    "MH-OPEN", "manhole", "critical", "cover_open", "MH-MISSING", 1800, title_en="Cover open", title_zh="井盖打开"
)


@dataclass
class Book:
    """A rulebook with one condition."""

    info: dict[str, ConditionInfo] = field(default_factory=lambda: {"MH-OPEN": OPEN})


@dataclass
class Town:
    """The tables of a town with one unit."""

    rulebook: Book = field(default_factory=Book)


def raised(asset: str, minutes_ago: float = 1) -> AlertEvent:
    """A cover opened so many minutes ago."""
    at = SystemClock().now_ms() - int(minutes_ago * 60_000)
    return AlertEvent(
        alert_id(asset, "MH-OPEN", at), "raised", "firing", asset, "manhole", "MH-OPEN", "critical", at, at,
        "tilt_above_raise", "tilt 45 deg > 10 deg",
    )  # fmt: skip


class Server:
    """A running server and what a test does with it."""

    def __init__(self, db: Database, folder: Path, **settings: Any) -> None:
        self.db, self.folder = db, folder
        self._stop = threading.Event()
        given = Settings(data_dir=folder, api_token=TOKEN, **settings)
        app = create_app(db, given, SystemClock(), Town(), poll_s=0.05)
        self.broadcast = app.state.console.broadcast
        started = threading.Event()
        self.http = HttpServer(app, bind("127.0.0.1", 0), on_port=lambda port: started.set(), stopping=self._stop.is_set)
        self._thread = threading.Thread(target=self.http.serve_here)
        self._thread.start()
        assert started.wait(10)
        self.url = f"http://127.0.0.1:{self.http.port}"
        self.client = httpx.Client(base_url=self.url, timeout=10)

    def raise_alert(self, asset: str = "MH-1", minutes_ago: float = 1) -> str:
        """A cover opens; the id of the alert."""
        event = raised(asset, minutes_ago)
        with self.db.transaction() as tx:
            register = register_store.load_register(tx)
            take(
                tx, [event], infos=Book().info, register=register, books=load_books(Settings()),
                now=SystemClock().now(),
            )  # fmt: skip
        return event.id

    def stop(self) -> float:
        """End the server; the seconds it took."""
        began = time.monotonic()
        self._stop.set()
        self._thread.join(10)
        self.client.close()
        assert not self._thread.is_alive()
        return time.monotonic() - began


@pytest.fixture
def server(db: Database, tmp_path: Path) -> Iterator[Server]:
    """A server over a database with two covers and a unit."""
    with db.transaction() as tx:
        register_store.save_units(tx, [Unit("drainage", "Drainage", "排水中心", contacts=("log:drainage",))])
        register_store.save_assets(tx, [Asset(f"MH-{n}", "manhole", 31.3, 120.6, name=f"Street {n}") for n in range(1, 8)])
        register_store.save_responsibilities(tx, [Responsibility("all", "guardian", "drainage")])
    one = Server(db, tmp_path)
    yield one
    one.stop()


def test_an_alert_leads_to_an_order_that_a_crew_moves(server: Server) -> None:
    alert = server.raise_alert()
    shown = server.client.get(f"/api/alerts/{alert}").json()
    assert (shown["condition"], shown["phase"], shown["title"]) == (
        "MH-OPEN",
        "firing",
        {"en": "Cover open", "zh": "井盖打开"},
    )
    assert [event["change"] for event in shown["events"]][0] == "raised"
    (order,) = server.client.get("/api/orders", params={"open": "true"}).json()["items"]
    assert (order["unit"], order["state"], order["filing_item"]) == ("drainage", "dispatched", "MH-MISSING")
    assert 0 < order["remaining_s"] <= 7200
    for verb, state in (("ack", "acknowledged"), ("arrive", "on_site"), ("fix", "fixed")):
        moved = server.client.post(f"/api/orders/{order['id']}/{verb}", json={"actor": "crew 3"}, headers=AUTH)
        assert (moved.status_code, moved.json()["state"]) == (200, state)
    detail = server.client.get(f"/api/orders/{order['number']}").json()
    moves = [event for event in detail["events"] if event["event"] in {"dispatch", "ack", "arrive", "fix"}]
    assert [event["event"] for event in moves] == ["dispatch", "ack", "arrive", "fix"]
    assert [event["prev_hash"] for event in detail["events"][1:]] == [event["hash"] for event in detail["events"][:-1]]
    case = server.client.get(f"/api/cases/{order['case_id']}").json()
    assert [one["id"] for one in case["alerts"]] == [alert]
    assert [one["id"] for one in case["orders"]] == [order["id"]]
    asset = server.client.get("/api/assets/MH-1").json()
    assert [one["id"] for one in asset["orders"]] == [order["id"]]
    assert server.client.get("/api/units").json()[0]["name_zh"] == "排水中心"


ERRORS: tuple[tuple[str, str, object, dict[str, str], int, str], ...] = (
    ("GET", "/api/nothing", None, {}, 404, "/docs"),
    ("DELETE", "/api/orders", None, {}, 405, ""),
    ("GET", "/api/alerts/not-a-uuid", None, {}, 422, "alert_id"),
    ("GET", "/api/alerts?limit=0", None, {}, 422, "limit"),
    ("GET", "/api/alerts?cursor=zzz", None, {}, 422, "cursor"),
    ("GET", "/api/alerts?phase=gone", None, {}, 422, "phase"),
    ("GET", "/api/alerts/00000000-0000-0000-0000-000000000000", None, {}, 404, "no alert"),
    ("GET", "/api/orders/999", None, {}, 404, "999"),
    ("GET", "/api/orders/what", None, {}, 404, "id or the number"),
    ("GET", "/api/orders/99999999999999999999999", None, {}, 404, "order"),
    ("GET", "/api/assets/none", None, {}, 404, "no asset"),
    ("GET", "/api/stream?after=zzz", None, {}, 422, "a12.o7"),
    ("GET", "/api/stream?after=a9999999999999999999.o0", None, {}, 422, "position"),
    ("POST", "/api/orders/1/ack", {"actor": "x"}, {}, 401, "Bearer"),
    ("POST", "/api/orders/1/ack", {"actor": "x"}, {"Authorization": "Bearer wrong"}, 401, "token"),
    ("POST", "/api/orders/1/ack", {"actor": "x"}, {"Authorization": "Basic wrong"}, 401, "Bearer"),
    ("POST", "/api/orders/1/dance", {"actor": "x"}, AUTH, 422, "verb"),
    ("POST", "/api/orders/1/ack", {"actor": " "}, AUTH, 422, "actor"),
    ("POST", "/api/orders/1/ack", {"actor": "x", "who": 1}, AUTH, 422, "who"),
    ("POST", "/api/orders/1/return", {"actor": "x"}, AUTH, 422, "reason"),
    ("POST", "/api/orders/1/verify", {"actor": "x"}, AUTH, 422, "verb"),
    ("GET", "/api/orders?unit=a%00b", None, {}, 422, "query.unit"),
    ("GET", "/api/quarantine?reason=nothing", None, {}, 422, "reason"),
    ("POST", "/api/orders/1/ack", {"actor": "a\x00b"}, AUTH, 422, "body.actor"),
    ("POST", "/api/orders/1/return", {"actor": "x", "reason": "a\x00b"}, AUTH, 422, "body.reason"),
)
"""method, path, body, headers -> status, and what the answer must say"""


def test_every_error_is_a_problem(server: Server) -> None:
    server.raise_alert()
    for method, path, body, headers, status, says in ERRORS:
        answer = server.client.request(method, path, json=body, headers=headers)
        assert answer.status_code == status, (method, path)
        assert answer.headers["content-type"] == "application/problem+json", (method, path)
        problem = answer.json()
        assert (problem["status"], problem["type"], problem["instance"]) == (status, "about:blank", path.split("?")[0])
        assert says in problem["detail"], (method, path)


def test_head_is_get_without_the_body(server: Server) -> None:
    for path in ("/healthz", "/metrics", "/api/orders", "/api/orders/999"):
        got, head = server.client.get(path), server.client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
    assert server.client.head("/api/stream").status_code == 405


def test_a_nul_in_the_path_names_the_parameter(server: Server) -> None:
    answer = server.client.get("/api/assets/a%00b")
    assert (answer.status_code, "path.asset_id" in answer.json()["detail"]) == (422, True)


def test_a_move_that_the_state_does_not_allow_is_a_conflict_and_changes_nothing(server: Server) -> None:
    server.raise_alert()
    assert server.client.post("/api/orders/1/fix", json={"actor": "x"}, headers=AUTH).status_code == 200
    answer = server.client.post("/api/orders/1/arrive", json={"actor": "x"}, headers=AUTH)
    assert answer.status_code == 409
    assert "arrive" in answer.json()["detail"]
    assert "fixed" in answer.json()["detail"]
    assert server.client.get("/api/orders/1").json()["state"] == "fixed"


def test_bad_json_and_a_huge_body_are_problems_too(server: Server) -> None:
    bad = server.client.post("/api/orders/1/ack", content=b"{", headers={**AUTH, "Content-Type": "application/json"})
    assert (bad.status_code, bad.headers["content-type"]) == (422, "application/problem+json")
    huge = server.client.post("/api/orders/1/ack", content=b'{"actor":"' + b"x" * 200_000 + b'"}', headers=AUTH)
    assert huge.status_code == 413
    assert huge.headers["content-type"] == "application/problem+json"


def test_pages_hold_every_row_once_while_new_ones_come(server: Server) -> None:
    ids = [server.raise_alert(f"MH-{n}", minutes_ago=10 - n) for n in range(1, 7)]
    seen: list[str] = []
    page = server.client.get("/api/alerts", params={"limit": 2}).json()
    while True:
        seen += [row["id"] for row in page["items"]]
        if page["next"] is None:
            break
        server.raise_alert("MH-7", minutes_ago=0)
        page = server.client.get("/api/alerts", params={"limit": 2, "cursor": page["next"]}).json()
    assert seen == ids[::-1]
    orders: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = server.client.get("/api/orders", params={"limit": 3, **cursor}).json()
        orders += [row["number"] for row in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert orders == sorted(orders, reverse=True)
    assert len(set(orders)) == 7
    answer = server.client.get("/api/cases", params=cursor)
    assert answer.status_code == 422, "a cursor of orders is no cursor of cases"


def test_quarantine_shows_what_came_as_text(server: Server) -> None:
    from citybrain.store import quarantine

    with server.db.transaction() as tx:
        quarantine.add(
            tx, [("city/x/manhole/1/telemetry", b"\xff\x00{oops", "not_json", "at 1")], datetime(2026, 1, 1, tzinfo=UTC)
        )
    (row,) = server.client.get("/api/quarantine").json()["items"]
    assert (row["reason"], row["size"], row["seen"]) == ("not_json", 7, 1)
    assert row["preview"].startswith("\\xff\\x00{oops")


class Listening:
    """A client of the stream that collects events in a thread."""

    def __init__(self, server: Server, **params: Any) -> None:
        self.events: list[dict[str, str]] = []
        self.status = 0
        self.ended = threading.Event()
        self.began = threading.Event()
        self._server, self._params = server, params
        threading.Thread(target=self._listen, daemon=True).start()
        assert self.began.wait(10)

    def _listen(self) -> None:
        with httpx.stream("GET", f"{self._server.url}/api/stream", timeout=20, **self._params) as answer:
            self.status = answer.status_code
            for event in sse(answer.iter_lines()):
                self.events.append(event)
                self.began.set()
        self.began.set()
        self.ended.set()

    def wait(self, number: int) -> list[dict[str, str]]:
        """The first events of alerts and orders, once there are so many."""
        deadline = time.monotonic() + 10
        while True:
            found = [event for event in self.events if event["event"] != "hello"]
            if len(found) >= number:
                return found
            assert time.monotonic() < deadline, f"only {found}"
            time.sleep(0.02)


def test_the_stream_tells_what_happens_and_resumes_without_loss(server: Server) -> None:
    live = Listening(server)
    server.raise_alert("MH-1")
    first = live.wait(2)
    assert {event["event"] for event in first} == {"alert", "order"}
    alert = json.loads(next(event["data"] for event in first if event["event"] == "alert"))
    assert (alert["asset"], alert["change"], alert["title"]["zh"]) == ("MH-1", "raised", "井盖打开")
    server.raise_alert("MH-2")
    server.client.post("/api/orders/1/ack", json={"actor": "x"}, headers=AUTH)
    everything = [event["id"] for event in live.wait(5)]
    for known in range(len(everything)):
        again = Listening(server, headers={"Last-Event-ID": everything[known]})
        rest = [event["id"] for event in again.wait(len(everything) - known - 1)]
        assert rest == everything[known + 1 :]
    whole = Listening(server, params={"after": "a0.o0", "topic": "order"})
    assert all(event["event"] == "order" for event in whole.wait(3))


def test_the_end_of_the_server_ends_the_streams(server: Server) -> None:
    live = [Listening(server) for _ in range(3)]
    assert server.broadcast.clients == 3
    assert server.stop() < 3
    assert all(one.ended.wait(2) for one in live)


def test_a_client_that_leaves_is_forgotten(server: Server) -> None:
    with httpx.stream("GET", f"{server.url}/api/stream") as answer:
        lines = answer.iter_lines()
        next(lines)
        assert server.broadcast.clients == 1
    server.raise_alert("MH-1")
    deadline = time.monotonic() + 5
    while server.broadcast.clients and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.broadcast.clients == 0


def test_an_open_transaction_holds_back_what_comes_after_it_and_nothing_is_lost(server: Server) -> None:
    """A sequence number is taken before its row is visible: a reader must not run past one that is still to come."""
    follower = DatabaseFollower(server.db, SystemClock())
    follower.begin()
    with server.db.transaction() as tx:
        register = register_store.load_register(tx)
    with server.db.transaction() as tx:
        # the first writer takes its numbers and is not finished when the second one is
        take(
            tx, [raised("MH-1")], infos=Book().info, register=register, books=load_books(Settings()),
            now=SystemClock().now(),
        )  # fmt: skip
        server.raise_alert("MH-2")
        assert follower.events(0.3) == []
    found = follower.events(2) + follower.events(0.3)
    assert {event.row["asset"] for event in found if event.topic == "alert"} == {"MH-1", "MH-2"}


def test_a_watcher_over_http_sees_what_a_watcher_of_the_database_sees(server: Server) -> None:
    server.raise_alert("MH-3")
    near, far = DatabaseFollower(server.db, SystemClock()), HttpFollower(server.url)
    try:
        snapshots = [near.begin(), far.begin()]
        assert [[row["asset"] for row in one.orders] for one in snapshots] == [["MH-3"], ["MH-3"]]
        assert abs((far.now() - near.now()).total_seconds()) < 5
        server.raise_alert("MH-4")
        seen: list[list[tuple[str, str]]] = []
        for follower in (near, far):
            events = []
            deadline = time.monotonic() + 5
            while len(events) < 2 and time.monotonic() < deadline:
                events += follower.events(0.5)
            seen.append([(event.position, event.topic) for event in events])
        assert seen[0] == seen[1]
        assert len(seen[0]) >= 2
    finally:
        far.close()


def test_health_says_what_is_missing(server: Server) -> None:
    assert server.client.get("/healthz").json() == {"status": "ok"}
    answer = server.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["failed"] == ["broker", "pipeline", "cycle"]
    assert answer.json()["checks"]["database"]["ok"] is True
    run = server.folder / "run"
    run.mkdir(exist_ok=True)
    (run / "run.json").write_text(json.dumps({"mqtt": server.url.replace("http", "mqtt")}))
    (run / "pipeline.json").write_text(json.dumps({"updated": SystemClock().now_ms(), "backlog": 3, "connected": True}))
    stuck = {"updated": SystemClock().now_ms(), "ok": False, "detail": "remind: has been at work for 75 s"}
    (run / "modules.json").write_text(json.dumps(stuck))
    answer = server.client.get("/readyz")
    assert answer.json()["failed"] == ["cycle"]
    assert answer.json()["checks"]["cycle"]["detail"] == "remind: has been at work for 75 s"
    (run / "modules.json").write_text(json.dumps({**stuck, "ok": True, "detail": "all is well"}))
    answer = server.client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)


def test_metrics_are_one_valid_page_of_all_processes(server: Server) -> None:
    server.raise_alert()
    metrics = server.folder / "run" / "metrics"
    metrics.mkdir(parents=True)
    for part, number in (("pipeline", 7), ("cycle", 0)):
        (metrics / f"{part}.prom").write_text(
            "# HELP citybrain_ingest_messages_total Messages.\n# TYPE citybrain_ingest_messages_total counter\n"
            f"citybrain_ingest_messages_total {number}\n"
        )
    (metrics / "broken.prom").write_text("# TYPE x counter\nx{ 1\n")
    answer = server.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert answer.text.count("# TYPE citybrain_ingest_messages_total ") == 1
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert {(s.labels["process"], s.value) for s in families["citybrain_ingest_messages"].samples} == {
        ("pipeline", 7),
        ("cycle", 0),
    }
    orders = {sample.labels["state"]: sample.value for sample in families["citybrain_orders"].samples}
    assert (orders["dispatched"], orders["closed"]) == (1, 0)
    assert families["citybrain_database_up"].samples[0].value == 1
    lines = [line.split("{")[0].split(" ")[2] for line in answer.text.splitlines() if line.startswith("# TYPE")]
    assert len(lines) == len(set(lines))


def test_stats_count(server: Server) -> None:
    server.raise_alert()
    found = server.client.get("/api/stats", params={"exact": "true"}).json()
    assert (found["orders"], found["alerts"], found["readings"]) == ({"dispatched": 1}, {"MH-OPEN": {"firing": 1}}, 0)


def test_reads_need_the_token_when_other_machines_can_reach_the_server(db: Database, tmp_path: Path) -> None:
    server = Server(db, tmp_path, http_host="0.0.0.0")
    try:
        for path in ("/api/alerts", "/api/stats", "/metrics", "/api/stream"):
            assert server.client.get(path).status_code == 401
        assert server.client.get("/api/alerts", headers=AUTH).status_code == 200
        assert server.client.get("/healthz").status_code == 200
    finally:
        server.stop()


def test_a_database_that_is_gone_is_503_and_says_so(server: Server) -> None:
    server.db.close()
    answer = server.client.get("/api/alerts")
    assert (answer.status_code, answer.json()["title"]) == (503, "Not available now")
    assert answer.headers["retry-after"]
    assert server.client.get("/readyz").json()["failed"][0] == "database"
    assert "citybrain_database_up 0.0" in server.client.get("/metrics").text


def test_the_openapi_document_describes_every_answer(server: Server) -> None:
    document = server.client.get("/openapi.json").json()
    shapes = document["components"]["schemas"]
    assert "Problem" in shapes
    assert "HTTPValidationError" not in shapes
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            assert route.get("summary"), (method, path)
            assert route.get("description"), (method, path)
    for name in ("OrderDetail", "AlertDetail", "CaseDetail", "AssetDetail", "Stats", "Quarantined", "Move"):
        for field_name, one in shapes[name]["properties"].items():
            assert one.get("description"), f"{name}.{field_name}"
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}:
        assert reference in shapes
