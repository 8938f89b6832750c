"""*Work and time limits*: what is open, what is late, and how the units keep their limits."""

from __future__ import annotations

from dashboards.kit import ALARM, CALM, Board
from dashboards.queries import prom
from dashboards.words import Words

_OF = 'unit=~"${unit:regex}"'


def board(words: Words) -> Board:
    """The dashboard."""
    made = Board("work_and_limits", words, time="now-7d")
    made.variable("unit", "units")
    made.row("now")
    made.stat("open", prom(f"sum(unit:citybrain_orders_open:sum{{{_OF}}}) or vector(0)"), graph=True)
    made.stat("overdue", prom(f"sum(citybrain_orders_overdue{{{_OF}}}) or vector(0)"), steps=ALARM)
    made.stat("unanswered", prom(f'sum(citybrain_orders{{state="dispatched",{_OF}}}) or vector(0)'), steps=CALM)
    made.stat("rework", prom(f'sum(citybrain_orders{{state="rework",{_OF}}}) or vector(0)'), steps=CALM)
    made.stat("closed", prom(f'sum(citybrain_orders{{state="closed",{_OF}}}) or vector(0)'), steps=CALM)
    made.stat("escalated", prom("max(citybrain_orders_escalated)"), steps=CALM)
    made.gauges("left", prom("sum by (left) (citybrain_orders_time_left)", "{{left}}", instant=True))
    made.lines("left_over_time", prom("sum by (left) (citybrain_orders_time_left)", "{{left}}"), span=16, stack=True)
    made.lines("by_unit", prom(f"unit:citybrain_orders_open:sum{{{_OF}}}", "{{unit}}"), stack=True)
    made.lines(
        "by_state", prom(f'sum by (state) (citybrain_orders{{state!~"closed|cancelled",{_OF}}})', "{{state}}"), stack=True
    )
    made.row("open_work")
    made.table("open_orders", made.sql("open_orders"), height=12)
    made.row("limits")
    made.table("within_limit", made.sql("within_limit"), span=12)
    made.table("items", made.sql("items"), span=12)
    made.table("steps", made.sql("steps"), span=12)
    made.lines("opened_closed", made.sql("opened_closed", series=True), bars=True, height=10)
    in_time, settled = f'citybrain_orders_settled{{kept="in_time",{_OF}}}', f"citybrain_orders_settled{{{_OF}}}"
    share = f"sum by (unit) ({in_time}) / (sum by (unit) ({settled}) > 0)"
    made.lines("on_time", prom(share, "{{unit}}"), unit="percentunit", span=16)
    made.stat("anchors", prom("max(citybrain_ledger_anchors)"), steps=CALM, span=4, height=8)
    made.stat("newer_entries", prom("max(citybrain_ledger_newer_entries)"), steps=CALM, span=4, height=8)
    made.row("responsibility")
    made.stat("first_dispatch", prom("min(citybrain_first_dispatch_accuracy_ratio)"), unit="percentunit", height=8)
    made.lines(
        "returns", prom(f"sum by (code) (increase(citybrain_order_returns{{{_OF}}}[1d]))", "{{code}}"), span=8, stack=True
    )
    made.gauges("owners", prom("max by (level) (citybrain_assets_by_responsibility)", "{{level}}", instant=True))
    made.stat("proposals", prom("max(citybrain_register_proposals)"), steps=CALM, height=8)
    made.row("quiet_times")
    made.lines(
        "forecasts",
        prom('max by (plan, state) (citybrain_forecasts{state!="none"})', "{{plan}} {{state}}"),
        stack=True,
        span=10,
    )
    made.lines(
        "planned_orders",
        prom("sum by (plan, change) (increase(citybrain_planned_orders_total[1d]))", "{{plan}} {{change}}"),
        bars=True,
        stack=True,
        span=10,
    )
    made.stat("forecast_run", prom("max(citybrain_forecast_run_seconds)"), unit="s", height=8)
    made.row("people")
    wait = "histogram_quantile({0}, sum by (severity, le) (increase(citybrain_acknowledge_delay_seconds_bucket[1d])))"
    made.lines("acknowledged", prom(wait.format(0.5), "{{severity}}"), unit="s", span=10)
    made.lines("policy_steps", prom("max by (policy, step) (citybrain_escalation_steps)", "{{policy}} {{step}}"), span=10)
    made.stat("nobody", prom("sum(max by (policy) (citybrain_nobody_on_duty)) or vector(0)"), steps=ALARM, height=8)
    made.row("telling")
    made.lines("notes", made.sql("notes", series=True), bars=True, stack=True, span=8)
    made.table("timers", made.sql("timers"), span=8, height=8)
    made.table("notices", made.sql("notices"), span=8, height=8)
    return made
