"""Named SQL: files of `-- name: purpose` blocks, loaded once.

A file reads

    -- add_unit: insert or change a unit
    INSERT INTO units …;

    -- all_units: every unit, by id
    SELECT …

`load("register")` gives a `Queries` whose `["add_unit"]` is the text of that block. SQL stands nowhere else.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString

_HEAD = re.compile(r"^-- ([a-z0-9_]+): (.+)$", re.MULTILINE)


class Queries(dict[str, LiteralString]):
    """The queries of one file by name. An unknown name says which file lacks it."""

    def __init__(self, file: str, items: dict[str, LiteralString]) -> None:
        super().__init__(items)
        self.file = file

    def __missing__(self, name: str) -> LiteralString:
        raise KeyError(f"no query {name!r} in sql/{self.file}.sql; there are: {', '.join(sorted(self))}")


@cache
def load(file: str) -> Queries:
    """The queries of `sql/{file}.sql`. Raises ValueError when two blocks have the same name."""
    text = files(__package__).joinpath(f"{file}.sql").read_text(encoding="utf-8")
    heads = list(_HEAD.finditer(text))
    found: dict[str, LiteralString] = {}
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        body = text[head.end() : after.start() if after else len(text)].strip().removesuffix(";")
        if head[1] in found:
            raise ValueError(f"sql/{file}.sql: two queries are named {head[1]!r}")
        # the text comes from a file of this package, never from input
        found[head[1]] = body
    return Queries(file, found)
