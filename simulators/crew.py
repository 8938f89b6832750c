"""The simulated crew: acts on the orders over the HTTP API, as the people of a unit would, and repairs the simulated world."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import httpx

from citybrain.clock import Clock
from simulators.habits import Work, habit_of, next_move, urgent

log = logging.getLogger(__name__)

_PAGE = 500


class Crew:
    """Crews of all units. `repair(asset, at_ms)` puts an asset of the world right."""

    def __init__(
        self, client: httpx.Client, clock: Clock, repair: Callable[[str, int], None], *, seed: int, token: str
    ) -> None:
        self._client, self._clock, self._repair, self._seed = client, clock, repair, seed
        self._headers = {"Authorization": f"Bearer {token}"}
        self._works: dict[str, Work] = {}
        self._taken = self._urgent_taken = 0
        self._stop = threading.Event()
        self.moves = 0
        """Moves made."""
        self.refused = 0
        """Moves that the program refused: the order had moved on meanwhile."""

    def stop(self) -> None:
        """Let `run` return."""
        self._stop.set()

    def run(self, *, pause_s: float = 0.3) -> None:
        """Look at the orders every `pause_s` real seconds until `stop`. A server that is away is waited for."""
        while not self._stop.wait(pause_s):
            try:
                self.round()
            except (httpx.HTTPError, ValueError) as error:
                log.info("the crew cannot reach the server: %s", error)

    def round(self) -> int:
        """Do what is due on every open order; how many moves. Raises httpx.HTTPError when the server is away."""
        now_ms, done = self._clock.now_ms(), 0
        seen: set[str] = set()
        # the oldest first: the habits count orders as they were dispatched
        for order in sorted(self._open_orders(), key=lambda order: order["number"]):
            if self._stop.is_set():
                break
            name = order["id"]
            seen.add(name)
            work = self._works.get(name)
            if work is None:
                work = self._works[name] = self._take(order)
            work.sees(order["state"], now_ms)
            move = next_move(work, now_ms)
            if move is not None:
                if move.repairs:
                    for asset in self._assets(order):
                        self._repair(asset, now_ms)
                done += self._say(order, work, move.verb, move.reason, now_ms)
                if move.verb == "arrive" and work.state == "on_site":
                    # the barrier is the first thing that they put up
                    done += self._say(order, work, "make_safe", "", now_ms)
        else:
            # what is over is forgotten, so that a demo may run for weeks
            self._works = {name: work for name, work in self._works.items() if name in seen}
        return done

    def _take(self, order: dict[str, Any]) -> Work:
        dispatched, due = datetime.fromisoformat(order["dispatched_at"]), datetime.fromisoformat(order["due_at"])
        minutes = (due - dispatched).total_seconds() / 60
        habit = habit_of(
            self._seed, order["asset"], order["cause"], minutes, place=self._taken, urgent_place=self._urgent_taken
        )
        self._taken += 1
        self._urgent_taken += urgent(minutes)
        return Work(habit, order["state"], int(dispatched.timestamp() * 1000))

    def _open_orders(self) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            params: dict[str, str | int] = {"open": "true", "limit": _PAGE, **({"cursor": cursor} if cursor else {})}
            answer = self._client.get("/api/orders", params=params, headers=self._headers)
            answer.raise_for_status()
            page = answer.json()
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def _assets(self, order: dict[str, Any]) -> list[str]:
        """Where to go: the asset of the order, and those of the alerts that its case holds."""
        assets = {order["asset"]: None}
        answer = self._client.get(f"/api/cases/{order['case_id']}", headers=self._headers)
        answer.raise_for_status()
        assets |= {alert["asset"]: None for alert in answer.json()["alerts"]}
        return list(assets)

    def _say(self, order: dict[str, Any], work: Work, verb: str, reason: str, now_ms: int) -> int:
        answer = self._client.post(
            f"/api/orders/{order['id']}/{verb}",
            json={"actor": f"crew of {order['unit']}", "reason": reason},
            headers=self._headers,
        )
        if answer.status_code == httpx.codes.CONFLICT:
            self.refused += 1
            log.info("order %s moved on meanwhile: %s", order["number"], answer.json().get("detail"))
            return 0
        answer.raise_for_status()
        work.gave_back = work.gave_back or verb == "return"
        work.sees(answer.json()["state"], now_ms)
        self.moves += 1
        return 1
