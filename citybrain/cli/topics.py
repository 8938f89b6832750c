"""`citybrain topics`: the topics in Kafka."""

from __future__ import annotations

import typer

from citybrain.cli.common import Output, OutputOption, emit, get_settings
from citybrain.text import code_text
from citybrain.topics import admin
from citybrain.topics.spec import TOPICS

app = typer.Typer(
    help="The topics in Kafka between the services: make them, list them.\n\nExample: citybrain topics apply",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def apply(output: OutputOption = Output.TABLE) -> None:
    """Make every topic that is missing, and set what differs from what this version wants. Safe to repeat.

    A topic with another number of partitions is refused, and nothing is done: the state of an asset lives in its partition.

    Example: citybrain topics apply -o json
    """
    settings = get_settings()
    done = admin.apply(settings)
    if output is Output.JSON:
        emit([one._asdict() for one in done], output)
        return
    say = settings.language
    rows = [{**one._asdict(), "outcome": code_text("topics.outcome_", one.outcome, say)} for one in done]
    emit(rows, output, columns=("topic", "outcome", "detail"), language=say)


@app.command("list")
def list_topics(output: OutputOption = Output.TABLE) -> None:
    """List the topics as they are in Kafka: partitions, replicas, records, and whether they are as they should be.

    Example: citybrain topics list -o json
    """
    settings = get_settings()
    found = admin.look(settings)
    if output is Output.JSON:
        emit([{**one._asdict(), "name": topic.name} for one, topic in zip(found, TOPICS, strict=True)], output)
        return
    say = settings.language
    rows = []
    for one, topic in zip(found, TOPICS, strict=True):
        differs = ", ".join(f"{key}: {there} -> {wanted}" for key, (there, wanted) in one.differs.items())
        rows.append(
            {
                "topic": one.topic,
                "state": code_text("topics.state_", one.state, say),
                "partitions": one.partitions,
                "replicas": one.replicas,
                "records": one.records,
                "detail": differs or code_text("topics.about_", topic.name, say),
            }
        )
    emit(rows, output, columns=("topic", "state", "partitions", "replicas", "records", "detail"), language=say)
