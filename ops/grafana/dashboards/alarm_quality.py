"""*Alarm quality*: whether the alerts are worth somebody's way: how many, how often right, how long, what is noise."""

from __future__ import annotations

from dashboards.kit import Board
from dashboards.queries import prom
from dashboards.words import Words


def board(words: Words) -> Board:
    """The dashboard."""
    made = Board("alarm_quality", words, time="now-7d")
    made.row("load")
    made.stat("grouping", made.sql("grouping"), span=12)
    made.stat("repeats", made.sql("repeats"), span=12, decimals=2)
    made.lines("load", made.sql("load", series=True), span=16, bars=True, steps=((None, "green"), (1, "orange"), (10, "red")))
    made.bars("by_hour", made.sql("by_hour"), x="hour", span=8)
    made.row("worth")
    made.table("conditions", made.sql("conditions"), span=16, height=12)
    made.pie("outcomes", made.sql("outcomes"), height=12)
    made.lines("changes", made.sql("changes", series=True), bars=True, stack=True)
    quantile = "histogram_quantile({0}, sum by (kind, le) (increase(citybrain_detection_delay_seconds_bucket[$__range])))"
    made.gauges("detection", prom(quantile.format("0.5") + " >= 0", "{{kind}}", instant=True), unit="s", span=6)
    made.gauges("detection_p90", prom(quantile.format("0.9") + " >= 0", "{{kind}}", instant=True), unit="s", span=6)
    made.row("quiet")
    made.lines("silences", prom("sum by (sort, state) (citybrain_silences)", "{{sort}} {{state}}"), span=8, stack=True)
    made.lines("muted_alerts", prom("sum by (sort) (citybrain_muted_alerts)", "{{sort}}"), span=6, stack=True)
    made.lines("muted_cases", prom("sum by (sort) (citybrain_muted_cases)", "{{sort}}"), span=5, stack=True)
    made.lines("muted_notices", prom("sum(citybrain_muted_notifications)", "citybrain"), span=5)
    made.row("noise")
    made.table("noisy_assets", made.sql("noisy_assets"), span=16)
    made.table("sensors", made.sql("sensors"), span=8)
    made.table("quarantine", made.sql("quarantine"), span=16, height=8)
    made.table("rulebooks", made.sql("rulebooks"), span=8, height=8)
    return made
