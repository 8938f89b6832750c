"""Who is told of an order: the policy, how far it has come, and whom each of its steps reaches now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from citybrain.kernel.errors import NotFound
from citybrain.kernel.model import Unit
from citybrain.store import escalations, orders
from citybrain.store.db import Tx
from dispatch.people import roster
from dispatch.people.policies import LEVELS, policy_for, reach, shown
from dispatch.people.stepping import NONE_TOLD


def explain(tx: Tx, order_id: str, now: datetime, unit: Unit | None = None) -> dict[str, Any]:
    """Plain data: unit, severity, policy (None: the ladder), how far it has come, and the steps. Raises NotFound.

    `unit` is the order's unit; by default as the database has it.
    """
    about = escalations.about(tx, order_id)
    if about is None:
        raise NotFound(f"no order {order_id!r}")
    people = roster.current(tx)
    unit = unit or orders.unit(tx, about["unit"])
    policy = policy_for(people, about["unit"], about["severity"])
    state = escalations.of_order(tx, order_id)
    targets = [(0.0, (level,)) for level in LEVELS] if policy is None else list(policy.steps)
    steps = [
        {
            "step": number,
            "after_s": after_s,
            "target": shown(target),
            "reaches": sorted({contact.person or shown(contact.url) for contact in found.contacts}),
            "reason": found.reason,
            "why": found.why,
        }
        for number, (after_s, named) in enumerate(targets)
        for target in named
        for found in (reach(people, target, unit, now),)
    ]
    progress = None
    if state is not None:
        told = None if state["step"] == NONE_TOLD else state["step"]
        progress = {key: state[key] for key in ("policy", "round", "reminded", "began_at", "ended_at", "ended")} | {
            "step": told
        }
    return {
        "order": order_id,
        "state": about["state"],
        "unit": about["unit"],
        "severity": about["severity"],
        "policy": policy.id if policy else None,
        "progress": progress,
        "steps": steps,
    }
