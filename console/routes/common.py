"""What every route module imports."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from citybrain.kernel.errors import InputError
from console.auth import reader, writer
from console.context import Console, console_of


def clean(request: Request) -> None:
    """Refuses a NUL in path or query, by the name of the parameter: no text of the database can hold one."""
    for place, given in (("path", request.path_params), ("query", request.query_params)):
        for name, value in given.items():
            if "\x00" in value:
                raise InputError(f"{place}.{name}: a text without NUL (%00)")


Shared = Annotated[Console, Depends(console_of)]
READ = [Depends(reader), Depends(clean)]
WRITE = [Depends(writer), Depends(clean)]
