"""What people do to keep quiet: silence, plan works, approve openings, and end all of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import shapely
from shapely.geometry import shape

from citybrain.kernel.errors import InputError, NotFound, StateError
from citybrain.kernel.ids import derived_id
from citybrain.store import register as register_store
from citybrain.store import silences as store
from citybrain.store import views
from citybrain.store.db import Row, Tx
from dispatch.matchers import Matcher, parse
from dispatch.silences import OPENING_CONDITIONS, Scope
from dispatch.windows import Recurrence

LONGEST: Final = timedelta(days=366)
"""A silence that nobody will remember is a hole in the watch: after a year somebody must say so again."""
_WORDS: Final = {"author": 200, "reason": 500, "approver": 200, "reference": 100}


class Added(NamedTuple):
    """A silence that is in the database. `new` False: the very same one was there before."""

    id: str
    number: int
    new: bool
    begins_at: datetime
    ends_at: datetime | None


def silence(
    tx: Tx, matchers: Sequence[str], *, author: str, reason: str, begins_at: datetime, ends_at: datetime | None,
    until_resolved: bool = False, now: datetime,
) -> Added:  # fmt: skip
    """A silence from a time on. Times are city time. One that holds until the alert is over names one asset and one
    condition, and may have an end as well. Raises InputError."""
    found = _matchers(matchers)
    key = _key(found)
    if until_resolved and (key["asset"] is None or key["condition"] is None):
        raise InputError('until resolved: name the alert exactly, by asset="…" and condition="…"')
    if ends_at is None and not until_resolved:
        raise InputError("end: a silence needs one; say for how long, until when, or until the alert is resolved")
    row = _row("silence", author, reason, begins_at, ends_at, now) | key
    row |= {"matchers": [str(one) for one in found], "until_resolved": until_resolved}
    return _add(tx, row, *row["matchers"], begins_at.isoformat(), ends_at.isoformat() if ends_at else "")


def window(tx: Tx, matchers: Sequence[str], *, author: str, reason: str, recurrence: Recurrence, now: datetime) -> Added:
    """A silence that comes again. Raises InputError."""
    found = _matchers(matchers)
    first = recurrence.at_or_after(now)
    if first is None:
        raise InputError(f"rrule {recurrence.rule!r}: from now on it never comes again")
    row = _row("window", author, reason, first.begins_at, first.ends_at, now) | _key(found)
    row |= {"matchers": [str(one) for one in found], "recurrence": recurrence.facts()}
    return _add(tx, row, *row["matchers"], str(recurrence.facts()))


def works(
    tx: Tx, scope: Scope, *, author: str, reason: str, begins_at: datetime, ends_at: datetime, reference: str = "",
    now: datetime,
) -> Added:  # fmt: skip
    """Planned works, announced as long ahead as one likes. With a reference (the number of the permit) the same works can be
    given again: what has not begun is changed. Raises InputError, NotFound for a place without any asset, StateError for a
    reference of works that are over."""
    facts = _scope(tx, scope)
    row = _row("works", author, reason, begins_at, ends_at, now) | {"scope": facts, "asset": scope.asset}
    name = _words("reference", reference)
    if name:
        row["reference"] = name
    added = _add(tx, row, name or f"{facts} {begins_at.isoformat()} {author}")
    if not added.new and name and not store.move(tx, row):
        standing = store.find(tx, added.id)
        if standing["state"] == "ended" or standing["ended_by"] is not None:
            raise StateError("silence", "ended", "move")
    return _standing(store.find(tx, added.id), added.new)


def opening(
    tx: Tx, asset: str, *, author: str, approver: str, reason: str, begins_at: datetime, ends_at: datetime, now: datetime
) -> Added:
    """A cover may be open from a time until it must be closed; who approved it is written down. Raises InputError, NotFound."""
    known = register_store.assets_by_id(tx, [asset]).get(asset)
    if known is None:
        raise NotFound(f"no asset {asset!r} in the register")
    given = _words("approver", approver)
    if not given:
        raise InputError("approver: say who approved the opening, by name or role")
    matchers = [str(Matcher("asset", "=", asset)), str(parse(f'condition=~"{"|".join(OPENING_CONDITIONS)}"'))]
    row = _row("opening", author, reason, begins_at, ends_at, now)
    row |= {"asset": asset, "approver": given, "matchers": matchers}
    return _add(tx, row, asset, begins_at.isoformat(), ends_at.isoformat())


def expire(tx: Tx, name: str, *, by: str, reason: str, now: datetime, sorts: Sequence[str] | None = None) -> Row:
    """End a silence now; what it hid is looked at within a cycle. The silence as it stands then.

    Raises InputError, NotFound (also for one of another sort), StateError when it is over.
    """
    row = store.find(tx, name)
    if sorts is not None and row["sort"] not in sorts:
        raise NotFound(f"{name!r} is no {' or '.join(sorts)}: it is a {row['sort']}")
    who = _words("actor", by)
    if not who:
        raise InputError("actor: say who does this, by name or role")
    if not store.expire(tx, row["id"], now, by=who, reason=_words("reason", reason)):
        raise StateError("silence", "ended", "end")
    return store.find(tx, str(row["id"]))


def of_alert(row: Mapping[str, Any]) -> list[str]:
    """The matchers that an alert is silenced by: its key."""
    return [str(Matcher("asset", "=", row["asset"])), str(Matcher("condition", "=", row["condition"]))]


def alert_key(tx: Tx, alert_id: Any) -> list[str]:
    """The same of an alert by its id. Raises NotFound."""
    return of_alert(views.alert(tx, alert_id))


def _matchers(texts: Sequence[str]) -> tuple[Matcher, ...]:
    found = tuple(parse(text) for text in texts)
    if not found or all(matcher.matches({}) for matcher in found):
        raise InputError('matchers: at least one must say something, such as district="d1"; nothing silences everything')
    return found


def _key(matchers: Sequence[Matcher]) -> dict[str, str | None]:
    exact = {one.label: one.value for one in matchers if one.operator == "="}
    return {"asset": exact.get("asset"), "condition": exact.get("condition")}


def _scope(tx: Tx, scope: Scope) -> dict[str, Any]:
    facts = scope.facts()
    if not facts:
        raise InputError("works: say where: an asset, a feeder, a street, a district, a cell, or a polygon")
    if scope.polygon is not None:
        try:
            drawn = shape(scope.polygon)
        except (ValueError, TypeError, KeyError, AttributeError, shapely.errors.ShapelyError) as error:
            raise InputError(f"polygon: no GeoJSON geometry: {error}") from error
        if drawn.geom_type not in {"Polygon", "MultiPolygon"} or not drawn.is_valid or drawn.is_empty:
            raise InputError("polygon: a GeoJSON Polygon or MultiPolygon whose border does not cross itself")
    if len(facts) > (scope.polygon is not None) and not store.covered(tx, facts):
        raise NotFound(f"works: no asset of the register lies there: {', '.join(f'{key} {facts[key]!r}' for key in facts)}")
    return facts


def _row(sort: str, author: str, reason: str, begins_at: datetime, ends_at: datetime | None, now: datetime) -> dict[str, Any]:
    said = {"author": _words("author", author), "reason": _words("reason", reason)}
    if not said["author"]:
        raise InputError("author: say who wants this, by name or role")
    if not said["reason"]:
        raise InputError("reason: say why; whoever finds it later wants to know")
    if ends_at is not None:
        if ends_at <= begins_at:
            raise InputError(f"end: {ends_at.isoformat()} is not after the beginning, {begins_at.isoformat()}")
        if ends_at <= now:
            raise InputError(f"end: {ends_at.isoformat()} is over; it is {now.isoformat()}")
        if ends_at - begins_at > LONGEST:
            raise InputError(f"end: at most {LONGEST.days} days after the beginning")
    return {
        "sort": sort, **said, "begins_at": begins_at, "ends_at": ends_at, "created_at": now, "matchers": [], "scope": {},
        "approver": None, "reference": None, "until_resolved": False, "recurrence": None, "asset": None, "condition": None,
    }  # fmt: skip


def _words(key: str, value: str) -> str:
    words, longest = value.strip(), _WORDS.get(key, 200)
    if len(words) > longest or "\x00" in words:
        raise InputError(f"{key}: text of at most {longest} characters, got {len(words)}")
    return words


def _add(tx: Tx, row: dict[str, Any], *what: str) -> Added:
    # works keep their id under their reference, whoever imports them again
    who = () if row["reference"] else (row["author"], row["reason"])
    new_id = derived_id("silence", row["sort"], *who, *what)
    new = store.add(tx, {**row, "id": new_id})
    return _standing(store.find(tx, new_id), new)


def _standing(row: Row, new: bool) -> Added:
    return Added(str(row["id"]), row["number"], new, row["begins_at"], row["ends_at"])
