"""PURE. Between rows of the database and the model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from dispatch.people.model import (
    Contact,
    Entry,
    Hours,
    Layer,
    Leave,
    Member,
    Override,
    People,
    Person,
    Policy,
    PolicyStep,
    Schedule,
    Team,
)  # fmt: skip

Row = dict[str, Any]
COUNTED = ("people", "teams", "schedules", "policies")
"""What an import counts."""


def people_of(rows: Mapping[str, list[Row]]) -> People:
    """The model of the rows of `citybrain.store.people.rows`."""
    contacts, teams, members, layers, overrides, steps, entries, leaves = (defaultdict[Any, list[Any]](list) for _ in range(8))
    for row in rows["contacts"]:
        contacts[row["person"]].append(Contact(row["target"], row["language"] or ""))
    for row in rows["team_members"]:
        teams[row["team"]].append(Member(row["person"], row["valid_from"], row["valid_to"]))
    for row in rows["layer_members"]:
        members[row["schedule"], row["layer"]].append(Member(row["person"], row["valid_from"], row["valid_to"]))
    for row in rows["entries"]:
        entries[row["schedule"], row["layer"]].append(Entry(row["person"], row["starts"], row["ends"], row["uid"]))
    for row in rows["layers"]:
        key = row["schedule"], row["id"]
        hours = tuple(Hours(frozenset(one["weekdays"]), one["begin"], one["end"]) for one in row["hours"])
        layers[row["schedule"]].append(
            Layer(
                row["id"], row["rotation"], tuple(members[key]), tuple(row["handoffs"]), row["every"], row["starts"], hours,
                tuple(entries[key]),
            )
        )  # fmt: skip
    for row in rows["overrides"]:
        overrides[row["schedule"]].append(
            Override(
                str(row["id"]), row["person"], row["starts"], row["ends"], row["instead_of"], row["layer"], row["created_at"],
                row["reason"],
            )
        )  # fmt: skip
    for row in rows["leaves"]:
        leaves[row["person"]].append(Leave(str(row["id"]), row["person"], row["starts"], row["ends"], row["reason"]))
    for row in rows["steps"]:
        steps[row["policy"]].append(PolicyStep(row["after_s"], tuple(row["targets"])))
    return People(
        {
            row["id"]: Person(
                row["id"], row["name"], row["name_zh"], row["language"] or "", row["timezone"], tuple(contacts[row["id"]]),
                row["active"],
            )
            for row in rows["people"]
        },
        {
            row["id"]: Team(row["id"], row["name"], row["name_zh"], row["unit"], tuple(teams[row["id"]]))
            for row in rows["teams"]
        },
        {
            row["id"]: Schedule(
                row["id"], row["name"], row["timezone"], row["name_zh"], row["unit"], tuple(layers[row["id"]]),
                tuple(overrides[row["id"]]),
            )
            for row in rows["schedules"]
        },
        {
            row["id"]: Policy(
                row["id"], tuple(steps[row["id"]]), row["unit"], frozenset(row["severities"]), row["repeat_times"],
                row["repeat_s"], row["remind_s"],
            )
            for row in rows["policies"]
        },
        {person: tuple(found) for person, found in leaves.items()},
    )  # fmt: skip


def rows_of(people: People) -> dict[str, list[dict[str, Any]]]:
    """The rows of what a file says, for `citybrain.store.people.replace`."""

    def dated(members: tuple[Member, ...], **key: str) -> list[dict[str, Any]]:
        return [
            {**key, "position": number, "person": one.person, "valid_from": one.begin, "valid_to": one.end}
            for number, one in enumerate(members)
        ]

    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for _, person in sorted(people.people.items()):
        found["people"].append(
            {"id": person.id, "name": person.name, "name_zh": person.name_zh, "language": person.language or None,
             "timezone": person.timezone}
        )  # fmt: skip
        found["contacts"] += [
            {"person": person.id, "position": number, "target": one.target, "language": one.language or None}
            for number, one in enumerate(person.contacts)
        ]
    for _, team in sorted(people.teams.items()):
        found["teams"].append({"id": team.id, "unit": team.unit, "name": team.name, "name_zh": team.name_zh})
        found["team_members"] += dated(team.members, team=team.id)
    for _, schedule in sorted(people.schedules.items()):
        found["schedules"].append(
            {"id": schedule.id, "unit": schedule.unit, "name": schedule.name, "name_zh": schedule.name_zh,
             "timezone": schedule.timezone}
        )  # fmt: skip
        for layer in schedule.layers:
            found["layers"].append(
                {
                    "schedule": schedule.id, "id": layer.id, "rotation": layer.rotation, "every": layer.every,
                    "handoffs": list(layer.handoffs), "starts": layer.starts,
                    "hours": [{"weekdays": sorted(one.weekdays), "begin": one.begin, "end": one.end} for one in layer.hours],
                }
            )  # fmt: skip
            found["layer_members"] += dated(layer.members, schedule=schedule.id, layer=layer.id)
    for _, policy in sorted(people.policies.items()):
        found["policies"].append(
            {"id": policy.id, "unit": policy.unit, "severities": sorted(policy.severities),
             "repeat_times": policy.repeat_times, "repeat_s": policy.repeat_s, "remind_s": policy.remind_s}
        )  # fmt: skip
        found["steps"] += [
            {"policy": policy.id, "step": number, "after_s": one.after_s, "targets": list(one.targets)}
            for number, one in enumerate(policy.steps)
        ]
    return {name: found[name] for name in (*COUNTED, "contacts", "team_members", "layers", "layer_members", "steps")}
