"""Searches that assets share find what each would have found alone."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Register, Responsibility
from dispatch.opening import Lookups
from dispatch.responsibility import find_unit
from tests.dispatch_kit import BOOKS

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_a_shared_answer_is_the_answer_of_each() -> None:
    rng = Random(2)

    def pick(*some: str | None) -> str | None:
        return rng.choice(some)

    for _ in range(60):
        units = {name: Unit(name, name, guardian_of=rng.choice([(), ("d1",), ("*",)])) for name in "abcd"}
        rules = [
            Responsibility(
                f"r{n}", rng.choice(["contract", "area", "guardian"]), rng.choice("abcd"), kind=pick(None, "drain", "manhole"),
                feeder=pick(None, "F1", "F2"), cabinet=pick(None, None, "C1"), area=pick(None, "d1", "d2"),
            )
            for n in range(rng.choice([0, 5, 12, 40]))
        ]  # fmt: skip
        register = Register(1, {}, {}, units, rules)
        look = Lookups({}, register, BOOKS)
        for n in range(40):
            asset = Asset(
                f"x{n}", rng.choice(["drain", "manhole"]), district=pick(None, "d1", "d2"),
                cabinet=pick(None, "C1", "C2", "C3"), feeder=pick(None, "F1", "F3", "F4", "F5"),
            )  # fmt: skip
            assert look.answer(asset, "C", NOW) == find_unit(asset, "C", register, NOW)
