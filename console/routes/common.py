"""What every route module imports."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from console.auth import reader, writer
from console.context import Console, console_of

Shared = Annotated[Console, Depends(console_of)]
READ = [Depends(reader)]
WRITE = [Depends(writer)]
