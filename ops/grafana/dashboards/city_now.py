"""*City now*: what is wrong, where, and who has it."""

from __future__ import annotations

from dashboards.kit import ALARM, ALERT, CALM, Board
from dashboards.queries import prom
from dashboards.words import Words

_HERE = 'district=~"${district:regex}"'


def board(words: Words) -> Board:
    """The dashboard."""
    made = Board("city_now", words, refresh="10s")
    made.variable("district", "districts")
    made.row("now")
    made.stat("critical", made.sql("critical"), steps=ALARM)
    made.stat("alerts", prom(f"sum(citybrain_alerts{{{_HERE}}}) or vector(0)"), steps=CALM, graph=True)
    made.stat("orders", prom("sum(unit:citybrain_orders_open:sum) or vector(0)"), graph=True)
    made.stat("overdue", prom("sum(citybrain_orders_overdue) or vector(0)"), steps=ALARM)
    silent = f'sum(citybrain_alerts{{condition="DEV-SILENT",{_HERE}}}) or vector(0)'
    made.stat("silent", prom(silent), steps=ALERT)
    made.stat(
        "alive",
        prom("max(stage:citybrain_canary_age_seconds:min)"),
        unit="s",
        steps=((None, "green"), (45, "orange"), (90, "red")),
    )
    made.map("alert_map", made.sql("alert_map"))
    made.bars("by_district", made.sql("by_district"), x="district", height=7, stack=True)
    made.lines("by_condition", prom(f"sum by (condition) (citybrain_alerts{{{_HERE}}})", "{{condition}}"), height=7, stack=True)
    made.row("alerts")
    made.table("live_alerts", made.sql("live_alerts"), height=12)
    made.row("work")
    made.table("newest_orders", made.sql("newest_orders"), span=16)
    made.gauges("left", prom("sum by (left) (citybrain_orders_time_left)", "{{left}}", instant=True), height=10)
    made.row("flow")
    made.lines("readings", prom("sum by (fate) (rate(citybrain_readings_total[$__rate_interval]))", "{{fate}}"), unit="cps")
    made.table("assets", made.sql("assets"), span=12, height=8)
    return made
