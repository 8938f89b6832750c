"""The page of the rulebook's keys: from the schema, and from the Params of each detector with the sentences in their code."""

from __future__ import annotations

import ast
import inspect
import textwrap
import typing
from dataclasses import MISSING, is_dataclass
from typing import Any

from pydantic import BaseModel

from citybrain.cli.pages import plain, table, type_text
from rules.build import keys_of
from rules.detectors import DETECTORS
from rules.detectors.base import FIELDS, Gate
from rules.schema import ConditionBody, FlapBody, MatchBody, RaiseBody, SetBody

INTRO = """# Keys of the rulebook

A rulebook file is a mapping `condition id -> condition`. In a file of the city a shipped condition needs only the keys that
differ; a new one needs all that have no default. `citybrain check-config --rulebook FILE` names every fault by file, line
and key.

"""


def rulebook_page() -> str:
    """The keys of a condition, and of the params of each detector."""
    parts = [INTRO, "## A condition\n\n", _model(ConditionBody)]
    parts.append(
        "\n`raise_after` and `clear_after` (both must be reached; `by_clock` is for `raise_after` alone):\n\n"
        + _model(RaiseBody)
    )
    parts.append("\n`flap`:\n\n" + _model(FlapBody))
    parts.append(
        "\n`overrides` is a list of `{match: ..., set: ...}`. An override for an asset wins over one for its model, and\n"
        "that over one for its kind. `match` has exactly one of:\n\n"
        + _model(MatchBody)
        + "\n`set` has at least one of:\n\n"
        + _model(SetBody)
    )
    parts.append("\n## Detectors\n")
    for name, module in sorted(DETECTORS.items()):
        parts.append(
            f"\n### {name}\n\n{(module.__doc__ or '').strip()}\n\n{_doc(module.Params)}\n\n{_dataclass(module.Params)}"
        )
        for other in _nested(module):
            parts.append(f"\n`{_key_of(other, module.Params)}`: {_doc(other)}\n\n{_dataclass(other)}")
    parts.append(f"\n### Gates\n\n{_doc(Gate)}\n\n{_dataclass(Gate)}")
    parts.append(f"\nFields of an asset that a rule may name: {', '.join(f'`{name}`' for name in FIELDS)}.\n")
    return "".join(parts)


def _model(model: type[BaseModel]) -> str:
    rows = []
    for name, info in model.model_fields.items():
        default = "required" if info.is_required() else "" if info.default is None else f"`{plain(info.default)}`"
        rows.append((f"`{name}`", type_text(info.annotation), default, info.description or ""))
    return table(("key", "type", "default", "meaning"), rows)


def _doc(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split())


def _dataclass(cls: type) -> str:
    said, hints = _sentences(cls), typing.get_type_hints(cls)
    rows = []
    for key, field in keys_of(cls).items():
        default = "required" if field.default is MISSING and field.default_factory is MISSING else ""
        if field.default not in (MISSING, None, ()):
            default = f"`{plain(field.default)}`"
        rows.append((f"`{key}`", type_text(hints[field.name]), default, said.get(field.name, "")))
    return table(("key", "type", "default", "meaning"), rows)


def _sentences(cls: type) -> dict[str, str]:
    """The string below each field in the source."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for field, after in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            found[field.target.id] = " ".join(str(after.value.value).split())
    return found


def _key_of(nested: type, params: type) -> str:
    """The key of the params whose values are of a nested dataclass."""
    return next(key for key, field in keys_of(params).items() if nested.__name__ in str(field.type))


def _nested(module: Any) -> list[type]:
    own = [thing for thing in vars(module).values() if isinstance(thing, type) and is_dataclass(thing)]
    return [thing for thing in own if thing.__module__ == module.__name__ and thing is not module.Params]
