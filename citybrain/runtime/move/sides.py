"""The two databases of a move: nobody else is at work on them, and marks say what is under way."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

from citybrain.clock import real_ms
from citybrain.kernel.errors import ConfigError, InputError
from citybrain.kernel.times import from_ms
from citybrain.runtime.move.steps import RefusedError, Step, next_step
from citybrain.store import carrying, moves
from citybrain.store.db import Session, Tx
from citybrain.store.migrate import migrate_in


@dataclass
class Side:
    """One database with a connection that keeps pipelines and other moves away while it lives."""

    what: str
    """`source` or `target`, for messages"""
    label: str
    url: str
    session: Session


class Sides:
    """Both, with nobody else there and with the schema of this program. A context manager."""

    def __init__(self, source_url: str, target_url: str) -> None:
        labels = {what: _label(what, url) for what, url in (("source", source_url), ("target", target_url))}
        self.source = Side("source", labels["source"], source_url, Session(source_url, moves.NAME))
        try:
            self.target = Side("target", labels["target"], target_url, Session(target_url, moves.NAME))
            try:
                self._make_ready()
            except BaseException:
                self.target.session.close()
                raise
        except BaseException:
            self.source.session.close()
            raise

    def __enter__(self) -> Sides:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.target.session.close()
        self.source.session.close()

    def _make_ready(self) -> None:
        with self.source.session.transaction() as here, self.target.session.transaction() as there:
            if moves.same_database(here, there):
                raise RefusedError("same_database", f"source and target are one database: {self.source.label}")
        with self.source.session.transaction() as tx:
            refuse_company(tx, self.source)
        with self.target.session.transaction() as tx:
            # where the city is whole its services may run, and only the source does not know it
            if not moves.whole(tx):
                refuse_company(tx, self.target)
        # an older program may not run while its schema changes, so only now
        for side in (self.source, self.target):
            with side.session.transaction() as tx:
                migrate_in(tx)

    def begin(self, *, resume: bool) -> tuple[Step, str]:
        """What is to be done next, and the id of the move; both sides are marked then. Raises RefusedError, InputError."""
        with self.source.session.transaction() as tx:
            here = moves.move_of(tx)
        with self.target.session.transaction() as tx:
            there = moves.move_of(tx)
            rows = {} if there else carrying.what_is_there(tx)
        step = next_step(here, there, rows, resume=resume)
        if step is not Step.START:
            assert here is not None
            return step, here.id
        with self.source.session.transaction() as tx:
            _refuse_no_city(carrying.what_is_there(tx), self.source.label)
        id, now = str(uuid.uuid4()), from_ms(real_ms())
        with self.source.session.transaction() as tx:
            moves.begin(tx, id, "out", self.target.label, now)
        with self.target.session.transaction() as tx:
            moves.begin(tx, id, "in", self.source.label, now)
            moves.forget_progress(tx)
            carrying.let_jobs_run(tx, False)
        return Step.CARRY, id

    def leave(self) -> None:
        """The city is in the target: the source knows it from now on."""
        with self.source.session.transaction() as tx:
            moves.end(tx, from_ms(real_ms()))


def refuse_company(tx: Tx, side: Side) -> None:
    """Take a database for this move alone. Raises RefusedError with the names of those who are there."""
    moves.at_ease(tx)
    if others := moves.present(tx):
        raise RefusedError(
            "company",
            f"the {side.what} ({side.label}) is in use by {', '.join(others)}: stop "
            + ("`citybrain run` first" if side.what == "source" else "the services of the cluster until the city is there"),
        )
    if not moves.hold(tx):
        raise RefusedError("held", f"a pipeline or another `citybrain migrate` works on the {side.what} ({side.label})")


def _refuse_no_city(there: Mapping[str, int], label: str) -> None:
    if "partition_states" in there:
        raise RefusedError("source_is_cluster", f"the source ({label}) is the database of a cluster: copy it by pg_dump")
    if not there:
        raise InputError(f"there is no city in the source ({label}): nothing is to be moved")


def _label(what: str, url: str) -> str:
    try:
        return moves.label(url)
    except ConfigError as error:
        raise ConfigError(error.message, key="--to" if what == "target" else "--from") from error
