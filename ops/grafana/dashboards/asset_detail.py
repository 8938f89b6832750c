"""*Asset detail*: what one asset has told, when it was wrong, and what was done about it."""

from __future__ import annotations

from dashboards.kit import Board
from dashboards.words import Words


def board(words: Words) -> Board:
    """The dashboard."""
    made = Board("asset_detail", words, time="now-7d")
    made.variable("asset", "asset_ids", multi=False, search=True)
    made.variable("measure", "measures")
    made.row("what")
    made.table("facts", made.sql("facts"), height=4)
    made.row("readings")
    made.lines("values", made.sql("values", series=True), span=16, height=12, low=None)
    made.table("last_values", made.sql("last_values"), span=8, height=12)
    made.timeline("states", made.sql("states", series=True))
    made.lines("bounds", made.sql("bounds", series=True), span=24, low=None)
    made.row("device")
    made.lines("messages", made.sql("messages", series=True), span=8, bars=True)
    made.lines("delay", made.sql("delay", series=True), unit="s", span=8)
    made.table("quality", made.sql("quality"), span=8, height=8)
    made.row("work")
    made.table("episodes", made.sql("episodes"))
    made.table("orders", made.sql("orders"), height=7)
    made.table("ledger", made.sql("ledger"), height=9)
    return made
