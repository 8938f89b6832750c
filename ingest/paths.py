"""PURE: paths into a decoded message: `a.b[0].c`, and `$.…` for the message of the network server itself, `@name` for a fact.

A path looks up, it never fails: what is not there is absent, and a null counts as absent.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

_STEP = re.compile(r"([^.\[\]\s]+)|\[(-?[0-9]{1,4})\]")
_SHAPE = re.compile(r"[^.\[\]\s]+(\[-?[0-9]{1,4}\])*(\.[^.\[\]\s]+(\[-?[0-9]{1,4}\])*)*")


class Scope(NamedTuple):
    """Where a path looks: the decoded object (or one item of it), the whole message, and the facts of the envelope."""

    object: Any
    message: Any
    facts: dict[str, Any]


class Path(NamedTuple):
    """A path that was checked. `root` is "object", "message" or "fact"."""

    text: str
    root: str
    steps: tuple[str | int, ...]

    @classmethod
    def parse(cls, text: str) -> Path:
        """Raises ValueError that says what is wrong."""
        root, rest = "object", text
        if text == "$":
            return cls(text, "message", ())
        if text.startswith("$."):
            root, rest = "message", text[2:]
        elif text.startswith("@"):
            root, rest = "fact", text[1:]
        if not _SHAPE.fullmatch(rest):
            raise ValueError(f"{text!r} is not a path; write a.b[0].c, $.a.b for the whole message, or @time")
        steps = tuple(match[1] if match[1] is not None else int(match[2]) for match in _STEP.finditer(rest))
        return cls(text, root, steps)

    def get(self, scope: Scope) -> Any:
        """What is there, or None."""
        if self.root == "object":
            node = scope.object
        elif self.root == "message":
            node = scope.message
        else:
            node = scope.facts
        for step in self.steps:
            if type(node) is dict:
                node = node.get(step)
            elif type(node) is list and type(step) is int:
                node = node[step] if -len(node) <= step < len(node) else None
            else:
                return None
        return node
