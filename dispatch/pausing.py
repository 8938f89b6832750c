"""What a unit may ask for its clocks, and who answers: a pause, an extension, a suspension (挂账).

Asked by the unit with a code of the profile, approved or refused by somebody else. What is approved counts from the approval
on, never from the asking: nothing that was told before is rewritten, and how long an answer took stands in the ledger. A pause
stops the repair; the danger does not pause, so the make-safe clock goes on unless it is a quiet one. A suspension needs an end,
two approvals by two people, and that it is safe. None of it is possible once the repair is overdue.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from citybrain.kernel.errors import InputError, NotFound, StateError
from citybrain.kernel.ids import derived_id
from citybrain.store import cases, orders, outbox
from citybrain.store import clocks as store
from citybrain.store.db import Row, Tx
from dispatch import ledger, telling
from dispatch.clocking import REMINDERS, OrderClocks
from dispatch.clocks import STANDING, ExtendedBefore, Overdue
from dispatch.limits import MAKE_SAFE, REPAIR
from dispatch.opening import Lookups

KINDS = ("pause", "extend", "suspend")
ROLES = ("dispatcher", "supervisor")
_WORKED_ON = frozenset({"dispatched", "acknowledged", "on_site", "rework"})
_LONGEST = {"actor": 200, "detail": 4000}


class Refused(StateError):
    """What is asked for cannot be. `reason`: not_safe_yet, own_request, approved_before, asked_before or nothing_asked."""

    def __init__(self, event: str, reason: str, words: str) -> None:
        super().__init__("clock", reason, event)
        self.args = (f"{event}: {words} (reason: {reason})",)
        self.reason = reason


class Asked(NamedTuple):
    """How a request stands. `due_at` is when the repair is due now; `changed` False: the same was said before."""

    order_id: str
    number: int
    kind: str
    state: str
    due_at: datetime
    until: datetime | None
    changed: bool


def ask(
    tx: Tx, look: Lookups, order_id: str, kind: str, *, code: str, actor: str, now: datetime, until: datetime | None = None,
    detail: str = "",
) -> Asked:  # fmt: skip
    """The unit asks. `until`: when a pause shall end at the latest (by default as long as the profile lets it last), and when a
    suspension ends. Raises NotFound, InputError, StateError (Overdue, ExtendedBefore, Refused among them)."""
    who = _who(actor, detail)
    case, order = _held(tx, order_id)
    code, until = _checked(look, kind, code, until, now)
    pending = store.open_request(tx, order_id)
    if pending is not None:
        if (pending["kind"], pending["code"], pending["asked_by"]) == (kind, code, who["actor"]):
            return _answer(order, pending, pending["state"], order["due_at"], changed=False)
        raise Refused(kind, "asked_before", f"a {pending['kind']} is asked for already; it must be answered first")
    both = OrderClocks(tx, order)
    _possible(order, both, kind, now)
    request = {
        "id": derived_id("clock", order_id, kind, code, who["actor"], now.isoformat()),
        "order_id": order_id, "kind": kind, "code": code, "detail": who["detail"], "until": until, "asked_by": who["actor"],
        "asked_at": now,
    }  # fmt: skip
    store.ask(tx, request)
    facts = {"kind": kind, "code": code, "until": until}
    _note(tx, order, "asked", now, who["actor"], f"{kind}_asked", f"{code}: {who['detail']}".rstrip(": "), facts)
    unit = look.unit(order["unit"])
    _tell(tx, look, case, order, "asked", (unit.lead or unit.supervisor) if unit else (), code, request, now)
    return _answer(order, request, "asked", order["due_at"])


def approve(tx: Tx, look: Lookups, order_id: str, *, actor: str, role: str = "dispatcher", now: datetime) -> Asked:
    """Somebody else approves what was asked for: from now on it counts. A suspension needs a second one. Errors as in `ask`."""
    who = _who(actor, "")
    if role not in ROLES:
        raise InputError(f"role {role!r}: one of {', '.join(ROLES)}")
    case, order = _held(tx, order_id)
    request = _pending(tx, order_id, "approve")
    if who["actor"] == request["asked_by"]:
        raise Refused("approve", "own_request", "nobody approves what they asked for themselves")
    if who["actor"] == request["first_by"]:
        raise Refused("approve", "approved_before", "the second approval must come from somebody else")
    last = request["kind"] != "suspend" or request["first_by"] is not None
    both = OrderClocks(tx, order)
    _possible(order, both, request["kind"], now)
    if request["until"] is not None and request["until"] <= now:
        raise InputError(f"until {request['until'].isoformat()}: that is over; ask again")
    store.approve(tx, str(request["id"]), by=who["actor"], at=now, last=last)
    by = [name for name in (request["first_by"], who["actor"]) if name]
    facts: dict[str, Any] = {
        "kind": request["kind"], "code": request["code"], "asked_by": request["asked_by"], "asked_at": request["asked_at"],
        "approved_by": by, "role": role, "until": request["until"],
    }  # fmt: skip
    if not last:
        _note(tx, order, "approved", now, who["actor"], "suspend_first_approval", role, facts)
        return _answer(order, request, "asked", order["due_at"])
    _apply(look, both, request, now)
    facts["clocks"] = both.write(now)
    if request["kind"] != "extend":
        store.withdraw(tx, order_id, REMINDERS, reason="clock_stopped", at=now)
    _note(tx, order, request["kind"], now, who["actor"], f"{request['kind']}_approved", request["code"], facts)
    _tell(tx, look, case, order, "answered", None, f"{request['kind']}_approved", request, now)
    return _answer(order, request, "approved", both[REPAIR].due_at)


def refuse(tx: Tx, look: Lookups, order_id: str, *, actor: str, reason: str, now: datetime) -> Asked:
    """Somebody else refuses what was asked for, with a reason. The clock has run on. Errors as in `ask`."""
    who = _who(actor, reason)
    if not who["detail"]:
        raise InputError("reason: say why it is refused")
    case, order = _held(tx, order_id)
    request = _pending(tx, order_id, "refuse")
    if who["actor"] == request["asked_by"]:
        raise Refused("refuse", "own_request", "nobody answers what they asked for themselves")
    store.refuse(tx, str(request["id"]), by=who["actor"], reason=who["detail"], at=now)
    facts = {"kind": request["kind"], "code": request["code"], "asked_by": request["asked_by"]}
    _note(tx, order, "refused", now, who["actor"], "request_refused", who["detail"], facts)
    _tell(tx, look, case, order, "answered", None, "request_refused", request, now)
    return _answer(order, request, "refused", order["due_at"])


def resume(tx: Tx, look: Lookups, order_id: str, *, actor: str, now: datetime, detail: str = "") -> Asked:
    """The work goes on before the pause or suspension is over. That needs nobody's approval. Errors as in `ask`."""
    who = _who(actor, detail)
    _, order = _held(tx, order_id)
    both = OrderClocks(tx, order)
    if order["state"] not in _WORKED_ON:
        raise StateError("order", order["state"], "resume")
    standing = both.within(STANDING)
    if not standing:
        raise StateError("repair clock", both[REPAIR].state, "resume")
    kind = "suspend" if both[REPAIR].state == "suspended" else "pause"
    both.resume(look, standing, now)
    facts = {"clocks": both.write(now), "at": now}
    _note(tx, order, "resume", now, who["actor"], "resumed_by_hand", who["detail"], facts)
    return Asked(order_id, order["number"], kind, "resumed", both[REPAIR].due_at, None, True)


def _apply(look: Lookups, both: OrderClocks, request: Row, now: datetime) -> None:
    if request["kind"] == "extend":
        both.extend(look, now)
        return
    until = request["until"] or now + timedelta(days=look.books.profile.rules.pause_days)
    quiet = [MAKE_SAFE] if both[MAKE_SAFE].quiet and MAKE_SAFE in both.within({"running"}) else []
    harmless = [name for name in quiet if both[name].due_at > now]
    both.pause([REPAIR, *harmless], now, until=until, event=request["kind"])


def _checked(look: Lookups, kind: str, code: str, until: datetime | None, now: datetime) -> tuple[str, datetime | None]:
    rules = look.books.profile.rules
    if kind not in KINDS:
        raise InputError(f"kind {kind!r}: one of {', '.join(KINDS)}")
    codes = {"pause": rules.pause_reasons, "extend": rules.extend_reasons, "suspend": rules.suspend_reasons}[kind]
    if code.strip() not in codes:
        raise InputError(f"reason {code!r}: one of {', '.join(codes)}")
    if kind == "suspend" and until is None:
        raise InputError("until: a suspension needs the day on which it ends")
    if until is not None:
        if kind == "extend":
            raise InputError("until: an extension is as long as the limit itself")
        longest = timedelta(days=rules.pause_days if kind == "pause" else rules.suspension_days)
        if until.tzinfo is None or not now < until <= now + longest:
            raise InputError(f"until {until.isoformat()}: after now, at most {longest.days} days from now, with a time zone")
    return code.strip(), until


def _possible(order: Row, both: OrderClocks, kind: str, now: datetime) -> None:
    """Raise what stands against it."""
    if order["state"] not in _WORKED_ON:
        raise StateError("order", order["state"], kind)
    clock, safe = both[REPAIR], both[MAKE_SAFE]
    if clock.state == "overdue" or (clock.state == "running" and now >= clock.due_at):
        raise Overdue(REPAIR, kind, clock.due_at)
    if clock.state not in ({"running", "paused"} if kind == "suspend" else {"running"}):
        raise StateError("repair clock", clock.state, kind)
    if kind == "extend" and clock.extended:
        raise ExtendedBefore(REPAIR)
    if kind == "suspend" and not safe.quiet and safe.state in {"running", "paused", "overdue"}:
        raise Refused(kind, "not_safe_yet", "what is a danger is made safe first, and suspended then")


def _held(tx: Tx, order_id: str) -> tuple[Row, Row]:
    case_id = orders.case_of(tx, order_id)
    case = cases.hold(tx, case_id) if case_id else None
    order = orders.get(tx, order_id)
    if case is None or order is None:
        raise NotFound(f"no order {order_id!r}")
    return case, order


def _pending(tx: Tx, order_id: str, event: str) -> Row:
    request = store.open_request(tx, order_id)
    if request is None:
        raise Refused(event, "nothing_asked", "nothing is asked for")
    return request


def _who(actor: str, detail: str) -> dict[str, str]:
    given = {"actor": actor.strip(), "detail": detail.strip()}
    if not given["actor"]:
        raise InputError("actor: say who does this, by name or role")
    for key, longest in _LONGEST.items():
        if len(given[key]) > longest:
            raise InputError(f"{key}: at most {longest} characters, got {len(given[key])}")
    return given


def _note(tx: Tx, order: Row, event: str, now: datetime, actor: str, reason: str, detail: str, facts: dict[str, Any]) -> None:
    ledger.append(tx, str(order["id"]), event, order["state"], at=now, actor=actor, reason=reason, detail=detail, facts=facts)


def _tell(
    tx: Tx, look: Lookups, case: Row, order: Row, purpose: str, targets: tuple[str, ...] | None, reason: str, request: Row,
    now: datetime,
) -> None:  # fmt: skip
    """`targets` None: the unit."""
    unit, info = look.unit(order["unit"]), look.info(case["condition"], case["kind"])
    if targets is None:
        targets = unit.contacts if unit else ()
    about = telling.subject_of(order)
    about = about._replace(turn=f"{about.turn}.{request['id']}")
    outbox.add(tx, telling.rows(about, purpose, targets, unit=unit, info=info, reason=reason, now=now))


def _answer(order: Row, request: Row, state: str, due_at: datetime, *, changed: bool = True) -> Asked:
    return Asked(str(order["id"]), order["number"], request["kind"], state, due_at, request["until"], changed)
