"""`citybrain people`, `citybrain duty`, `citybrain explain who`, and calendar feeds over HTTP, as people call them."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from citybrain.cli import duty, explain, people
from citybrain.clock import SystemClock
from citybrain.config import Settings
from citybrain.kernel.errors import CityBrainError, InputError, NotFound
from citybrain.store.db import Database
from console.app import create_app
from dispatch.people.feed import path_of
from tests.dispatch_kit import Town

pytestmark = pytest.mark.live

Run = Callable[..., Result]
TOKEN = "a-token-for-tests"
FILE = """
people:
  an: {name: An Li, name_zh: 李安, contacts: ["log:an", "https://hooks.example/s3cret"]}
  bo: {name: Bo Wu, contacts: ["mailto:bo@example.org"]}
teams:
  crew: {name: Crew, members: [bo]}
schedules:
  duty:
    name: Drainage duty
    unit: drainage
    timezone: Asia/Shanghai
    layers:
      first: {rotation: daily, handoff: "08:00", starts: 2026-01-01, members: [an, bo]}
      oncall: {rotation: calendar}
policies:
  grave: {unit: drainage, steps: [{tell: ["schedule:duty"]}, {after: 10m, tell: ["person:bo", "https://hooks.example/s3cret"]}]}
"""
ICS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n{times}\r\nSUMMARY:{who}\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)


@dataclass
class Tables:
    """A city without a rulebook."""

    rulebook: Any = field(default_factory=lambda: type("Book", (), {"info": {}})())


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


@pytest.fixture
def run(db_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Call a command of a group at noon of the kit's Friday; errors of ours come out as they are."""
    for name in [name for name in os.environ if name.startswith("CITYBRAIN_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "DATABASE_URL": db_url,
        "CLOCK": "speed=0.001,origin=2026-06-12T04:00:00+00:00",
        "API_TOKEN": TOKEN,
    }.items():
        monkeypatch.setenv(f"CITYBRAIN_{name}", value)
    monkeypatch.setenv("COLUMNS", "200")

    def call(group: Any, *words: str, language: str = "en", code: int = 0) -> Result:
        monkeypatch.setenv("CITYBRAIN_LANGUAGE", language)
        result = CliRunner().invoke(group.app, [*words, "--data-dir", str(tmp_path)])
        if isinstance(result.exception, CityBrainError):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.yml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_a_file_is_tried_imported_and_found_unchanged(town: Town, run: Run, file: Path) -> None:
    assert "Only tried" in run(people, "import", str(file), "--dry-run").output
    assert "nobody is imported yet" in run(people, "list").output
    assert "Version 1 of the people is in force: 2 people" in run(people, "import", str(file)).output
    assert "Nothing new" in run(people, "import", str(file)).output
    rows = json.loads(run(people, "list", "-o", "json").output)
    assert [(row["person"], row["teams"]) for row in rows] == [("an", ""), ("bo", "crew")]
    assert "s3cret" not in run(people, "list").output
    file.write_text(FILE.replace("unit: drainage, steps", "unit: nobody, steps"), encoding="utf-8")
    refused = run(people, "import", str(file), code=1).output
    assert re.search(r"people\.yml:\d+: policies\.grave\.unit: no unit 'nobody' in the register", refused)
    (fault,) = json.loads(run(people, "import", str(file), "-o", "json", code=1).output)
    assert (fault["key"], fault["line"]) == ("policies.grave.unit", 16)


def test_who_is_on_duty_who_stands_in_and_who_is_away(town: Town, run: Run, file: Path) -> None:
    run(people, "import", str(file))

    def who(*words: str) -> list[tuple[str, str]]:
        rows = json.loads(run(duty, "who", "-o", "json", *words).output)
        return [(row["person"], row["reason"]) for row in rows if row["layer"] == "first"]

    assert who() == [("an", "rotation")]
    assert who("--at", "2026-06-13T08:00") == [("bo", "rotation")]
    assert "it is their turn" in run(duty, "who").output
    assert "轮到本人" in run(duty, "who", language="zh").output
    span = ("--from", "now", "--to", "2026-06-12T20:00")
    made = run(duty, "override", "--schedule", "duty", "--person", "bo", "--instead-of", "an", *span)
    assert "bo instead of an, duty, from 2026-06-12 12:00 CST to 2026-06-12 20:00 CST" in made.output
    assert who() == [("bo", "override")]
    left = json.loads(run(duty, "leave", "--person", "bo", *span, "--reason", "ill", "-o", "json").output)
    assert who() == [("an", "rotation")], "who is away does not stand in"
    listed = run(duty, "list", "-o", "json").output
    assert {row["kind"] for row in json.loads(listed)} == {"override", "leave"}
    run(duty, "withdraw", left["id"])
    assert who() == [("bo", "override")]
    shifts = json.loads(run(duty, "shifts", "--schedule", "duty", "-o", "json").output)
    assert [row["person"] for row in shifts if row["layer"] == "first"][:3] == ["bo", "an", "bo"]
    with pytest.raises(InputError, match="a time such as"):
        run(duty, "who", "--at", "tomorrow")
    with pytest.raises(NotFound, match="there are: duty"):
        run(duty, "shifts", "--schedule", "night")


def test_calendars_go_out_and_come_in(town: Town, run: Run, file: Path, tmp_path: Path) -> None:
    run(people, "import", str(file))
    out = tmp_path / "an.ics"
    assert "shifts written" in run(duty, "ical", "--person", "an", "--file", str(out)).output
    assert out.read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")
    with pytest.raises(InputError, match="either --schedule or --person"):
        run(duty, "ical")
    times = "DTSTART:20260613T000000Z\r\nDTEND:20260613T120000Z"
    ics = tmp_path / "oncall.ics"
    words = ("calendar", str(ics), "--schedule", "duty", "--layer", "oncall")
    ics.write_text(ICS.format(times=times, who="zoe"), encoding="utf-8", newline="")
    assert "1 event(s) name nobody of the people" in run(duty, *words, code=1).output
    ics.write_text(ICS.format(times=times, who="李安"), encoding="utf-8", newline="")
    assert "Only tried" in run(duty, *words, "--dry-run").output
    assert "1 shifts of duty, layer oncall" in run(duty, *words).output
    rows = json.loads(run(duty, "who", "--at", "2026-06-13T09:00", "-o", "json").output)
    assert [row["person"] for row in rows if row["layer"] == "oncall"] == ["an"]
    run(people, "import", str(file))
    with pytest.raises(InputError, match="there are: oncall"):
        run(duty, *words[:-1], "first")


def test_explain_who(town: Town, run: Run, file: Path) -> None:
    run(people, "import", str(file))
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.raised("sl-1", "SL-OUT")
    town.cycle(minutes=10)
    told = run(explain, "who", "1").output
    assert "Policy grave of drainage, severity critical" in told
    assert "Step 2, round 1" in told
    assert "s3cret" not in told
    found = json.loads(run(explain, "who", opened.order_id, "-o", "json").output)
    assert [(row["step"], row["target"], row["reaches"]) for row in found["steps"]] == [
        (0, "schedule:duty", ["an"]), (1, "person:bo", ["bo"]), (1, "https://hooks.example/…", ["https://hooks.example/…"]),
    ]  # fmt: skip
    town.act(opened.order_id, "ack")
    town.cycle()
    assert "over: acknowledged" in run(explain, "who", "1").output


def test_a_feed_opens_with_its_own_key_only(town: Town, run: Run, file: Path, db: Database, tmp_path: Path) -> None:
    run(people, "import", str(file))
    address = run(duty, "ical", "--person", "an", "--url").output.split()[0]
    path = address[address.index("/calendar") :]
    assert path == path_of(TOKEN, "person", "an")
    app = create_app(db, Settings(data_dir=tmp_path, api_token=TOKEN, http_host="0.0.0.0"), SystemClock(), Tables())

    def get(path: str, **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://city") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(ask())

    answer = get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert "X-WR-CALNAME:An Li" in answer.text
    assert get(path.replace("person/an", "person/bo")).status_code == 401
    assert get("/calendar/schedule/duty.ics").status_code == 401
    token = {"Authorization": f"Bearer {TOKEN}"}
    assert "SUMMARY:Bo Wu" in get("/calendar/schedule/duty.ics", **token).text
    assert get("/calendar/person/zoe.ics", **token).status_code == 404
    assert get("/calendar/unit/an.ics", **token).status_code == 422
