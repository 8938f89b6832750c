"""What a scenario may say: each step is a verb and what it is about. Further verbs stand in `verbs_<area>.py`, found by name.

A verb is a function of (stage, argument) with `@verb("name")`. An order is named by its asset.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from citybrain.kernel.events import AlertChange
from dispatch.channels import Answer
from tests.scenarios.dispatch.stage import Stage, length

Verb = Callable[[Stage, Any], None]
VERBS: dict[str, Verb] = {}
EXPECT: dict[str, Verb] = {}
"""what `expect` may look at"""

_RANGE = re.compile(r"(.*?)(\d+)\.\.(\d+)")


def verb(name: str) -> Callable[[Verb], Verb]:
    """Add a verb."""
    assert name not in VERBS, f"verb {name!r} stands twice"
    return lambda work: VERBS.setdefault(name, work)


def expectation(name: str) -> Callable[[Verb], Verb]:
    """Add something that `expect` may look at."""
    assert name not in EXPECT, f"expectation {name!r} stands twice"
    return lambda work: EXPECT.setdefault(name, work)


def play(stage: Stage, step: Mapping[str, Any]) -> None:
    """One step: exactly one verb."""
    assert len(step) == 1, f"one verb a step, got {list(step)}"
    ((name, argument),) = step.items()
    assert name in VERBS, f"no verb {name!r}; there are {', '.join(sorted(VERBS))}"
    VERBS[name](stage, argument)


def pairs(text: str) -> list[tuple[str, str]]:
    """`sl-1..3 SL-OUT` -> three pairs of asset and condition; several are separated by commas."""
    found: list[tuple[str, str]] = []
    for part in text.split(","):
        names, condition = part.split()
        if (several := _RANGE.fullmatch(names)) is not None:
            first, last = int(several[2]), int(several[3])
            found += [(f"{several[1]}{number}", condition) for number in range(first, last + 1)]
        else:
            found.append((names, condition))
    return found


def _change(name: str, change: AlertChange) -> None:
    verb(name)(lambda stage, argument: stage.tell(pairs(argument), change))


for _name, _what in (
    ("raise", AlertChange.RAISED), ("clear", AlertChange.CLEARING), ("refire", AlertChange.REFIRED),
    ("flap", AlertChange.FLAPPING), ("resolve", AlertChange.RESOLVED), ("withdraw", AlertChange.WITHDRAWN),
):  # fmt: skip
    _change(_name, _what)


def _move(name: str) -> None:
    def work(stage: Stage, argument: Any) -> None:
        given = {"order": argument} if isinstance(argument, str) else dict(argument)
        order, actor = stage.order_of(given.pop("order")), given.pop("by", "crew 7")
        stage.act(str(order["id"]), name, actor, **given)
        stage.cycle()

    verb(name)(work)


for _name in ("ack", "arrive", "fix", "return", "cancel"):
    _move(_name)


@verb("after")
def after(stage: Stage, argument: Any) -> None:
    """So much time passes."""
    stage.go(stage.now + length(argument))


@verb("restart")
def restart(stage: Stage, argument: Any) -> None:
    """The process ends and comes again."""
    assert argument is True
    stage.restart()


@verb("answers")
def answers(stage: Stage, argument: Mapping[str, str]) -> None:
    """From now on a target answers like this: `retry unreachable`, `ok sent`."""
    for target, answer in argument.items():
        outcome, reason = answer.split()
        stage.mail.answers[target] = Answer(outcome, reason)


@verb("refused")
def refused(stage: Stage, argument: Mapping[str, Any]) -> None:
    """A step that must be refused: `{step: {fix: mh-1}, error: "order"}`."""
    stage.refuses(lambda: play(stage, argument["step"]), argument["error"])


@verb("expect")
def expect(stage: Stage, argument: Mapping[str, Any]) -> None:
    """How things stand now."""
    for name, wanted in argument.items():
        assert name in EXPECT, f"nothing to expect of {name!r}; there are {', '.join(sorted(EXPECT))}"
        EXPECT[name](stage, wanted)


def alike(found: Sequence[Mapping[str, Any]], wanted: Any, what: str) -> None:
    """A number of rows, or for each row the values that are named."""
    shown = [{key: row[key] for key in ("asset", "state", "unit", "condition", "reason") if key in row} for row in found]
    if isinstance(wanted, int):
        assert len(found) == wanted, f"{what}: {len(found)} instead of {wanted}: {shown}"
        return
    assert len(found) == len(wanted), f"{what}: {len(found)} instead of {len(wanted)}: {shown}"
    for row, one in zip(found, wanted, strict=True):
        part = {key: _plain(row[key]) for key in one}
        assert part == one, f"{what}: {part} instead of {one}"


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set | frozenset) else value


@expectation("cases")
def cases(stage: Stage, wanted: Any) -> None:
    """All cases but those that were taken up by another one or were over before anything went out."""
    alike([row for row in stage.cases() if row["outcome"] not in {"grouped", "cleared_before_dispatch"}], wanted, "cases")


@expectation("open_cases")
def open_cases(stage: Stage, wanted: Any) -> None:
    """Cases that are not closed."""
    alike([row for row in stage.cases() if row["state"] != "closed"], wanted, "open_cases")


@expectation("orders")
def orders(stage: Stage, wanted: Any) -> None:
    """All orders, oldest first."""
    alike(stage.orders(), wanted, "orders")


@expectation("open_orders")
def open_orders(stage: Stage, wanted: Any) -> None:
    """Orders that nobody has ended, oldest first."""
    alike([row for row in stage.orders() if row["state"] not in {"closed", "cancelled"}], wanted, "open_orders")


@expectation("alerts")
def alerts(stage: Stage, wanted: Any) -> None:
    """All alerts, oldest first."""
    alike(stage.alerts(), wanted, "alerts")


@expectation("messages")
def messages(stage: Stage, wanted: Any) -> None:
    """What was sent since this was asked the last time: a number, or `purpose target` of each in any order."""
    news = stage.news()
    if isinstance(wanted, int):
        assert len(news) == wanted, f"messages: {len(news)} instead of {wanted}: {news}"
    else:
        assert sorted(news) == sorted(wanted), f"messages: {news} instead of {wanted}"


@expectation("history")
def history(stage: Stage, wanted: Mapping[str, list[str]]) -> None:
    """The events of the newest order of an asset, all of them."""
    for asset, events in wanted.items():
        found = [row["event"] for row in stage.order_of(asset)["events"]]
        assert found == events, f"history of {asset}: {found} instead of {events}"


@expectation("told_in_history")
def told_in_history(stage: Stage, wanted: Mapping[str, list[str]]) -> None:
    """Events that the newest order of an asset has among others, in this order."""
    for asset, events in wanted.items():
        found = [row["event"] for row in stage.order_of(asset)["events"]]
        rest = iter(found)
        assert all(event in rest for event in events), f"history of {asset}: {found} has not {events} in it"
