"""`citybrain quarantine`: messages that could not be read."""

from __future__ import annotations

from typing import Annotated

import typer

from citybrain import clock
from citybrain.cli.common import DataDir, Output, OutputOption, emit, emit_one, get_settings, open_db, run_clock
from citybrain.config import Settings
from citybrain.kernel.errors import InputError
from citybrain.runtime.rundir import RunDir
from citybrain.store import quarantine
from citybrain.store.db import Database
from citybrain.text import code_text
from console.present import preview
from ingest.address import Address
from ingest.quarantine import REASONS
from ingest.republish import publish_again

app = typer.Typer(
    help="Messages that could not be read: list, show, try again.\n\nExample: citybrain quarantine list --reason no_profile",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_PAGE = 200
_PUBLISHED, _CUT, _NO_MESSAGE = "published", "cut", "no_message"
_OUTCOMES = (_PUBLISHED, _CUT, _NO_MESSAGE)

Reason = Annotated[str | None, typer.Option(help="Only with this reason.")]


@app.command("list")
def list_messages(
    reason: Reason = None,
    topic: Annotated[str | None, typer.Option(help="Only of this topic.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10000)] = 100,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List messages that could not be read, the last seen first: reason, topic, how often.

    Example: citybrain quarantine list --reason undecodable -o json
    """
    _known(reason)
    settings = get_settings(data_dir)
    with open_db(settings) as db, db.transaction() as tx:
        rows = quarantine.find(tx, reason=reason, topic=topic, limit=limit)
    emit(
        rows,
        output,
        columns=("id", "reason", "topic", "detail", "seen", "size", "last_at", "outcome"),
        language=settings.language,
    )


@app.command()
def show(
    id: Annotated[int, typer.Argument(help="Number of the message, from the list.")],
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one message with its bytes and the meaning of its reason. In JSON the payload is hex.

    Example: citybrain quarantine show 17
    """
    settings = get_settings(data_dir)
    with open_db(settings) as db, db.transaction() as tx:
        row = quarantine.show(tx, id)
    row["meaning"] = meaning("reason", row["reason"], settings.language)
    payload = bytes(row["payload"])
    if output is Output.TABLE:
        row["payload"] = preview(payload, 4000, keep="\n")
    emit_one(row, output, language=settings.language)


@app.command()
def retry(
    id: Annotated[int | None, typer.Argument(help="Number of one message; none: all, or those of --reason.")] = None,
    reason: Reason = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Publish messages again under their topics, to be read with today's profiles and register.

    Messages longer than 64 KB were cut and cannot be tried again. A repeated message is recognised, so trying twice is safe.

    Example: citybrain quarantine retry --reason no_profile
    """
    _known(reason)
    settings = get_settings(data_dir)
    with open_db(settings) as db:
        counts = retry_all(db, _broker(settings), settings, id=id, reason=reason)
    rows = [
        {"outcome": outcome, "messages": counts.get(outcome, 0), "meaning": meaning("outcome", outcome, settings.language)}
        for outcome in _OUTCOMES
    ]
    emit([row for row in rows if row["messages"]] or rows[:1], output, language=settings.language)


def meaning(kind: str, code: str, language: str) -> str:
    """What a code means: `kind` is reason, ignored, note or outcome."""
    return code_text(f"quarantine.{kind}_", code, language)


def retry_all(
    db: Database, broker: Address, settings: Settings, *, id: int | None = None, reason: str | None = None
) -> dict[str, int]:
    """Publish and mark, page by page; how many had which outcome. Raises NotFound for an id that is not there."""
    now = clock.parse(run_clock(settings)).now()
    counts: dict[str, int] = {}
    after = 0
    if id is not None:
        with db.transaction() as tx:
            quarantine.show(tx, id)
    while True:
        # the rows stay locked until they are published and marked: two retries at once do not publish twice
        with db.transaction() as tx:
            page = quarantine.take_for_retry(tx, id=id, reason=reason, after=after, limit=_PAGE)
            if not page:
                return counts
            outcomes = {kept.id: _outcome(kept) for kept in page}
            publish_again(broker, [(kept.topic, kept.payload) for kept in page if outcomes[kept.id] == _PUBLISHED])
            for number, outcome in outcomes.items():
                quarantine.mark(tx, number, outcome, now)
                counts[outcome] = counts.get(outcome, 0) + 1
        after = page[-1].id


def _outcome(kept: quarantine.Kept) -> str:
    if kept.reason == "rule_error" or not kept.topic or {"+", "#", "\ufffd"} & set(kept.topic):
        return _NO_MESSAGE
    return _PUBLISHED if kept.whole else _CUT


def _broker(settings: Settings) -> Address:
    """The broker of the program that runs on the data directory, else that of the settings."""
    if settings.mqtt_url is None:
        url = RunDir(settings.data_dir).read("run").get("mqtt")
        if url:
            return Address.parse(str(url))
    return Address.of(settings)


def _known(reason: str | None) -> None:
    if reason is not None and reason not in REASONS:
        raise InputError(f"--reason {reason!r}: one of {', '.join(REASONS)}")
