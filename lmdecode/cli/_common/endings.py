"""How a command that looks at captures as a whole reads them, and what it says when it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from lmdecode.app.decode import Outcome, merged, nothing_decoded, outcomes_of, read, summary
from lmdecode.app.errors import CommandError
from lmdecode.cli._common.errors import complain
from lmdecode.cli._common.progress import progress_bar
from lmdecode.codec.dialect import Speakers
from lmdecode.codec.record import Record


def read_by_time(paths: Sequence[Path], outcomes: list[Outcome], speakers: Speakers) -> Iterator[Record]:
    """The records of some captures as one story, in the order of time, whatever the order of the captures.

    Args:
        paths: The captures.
        outcomes: Takes what came of each.
        speakers: The dialects, with the user's keys.
    """
    outcomes += outcomes_of(paths)
    if len(outcomes) > 1:
        yield from merged(outcomes, speakers)
        return
    for outcome in outcomes:
        with progress_bar(Path(outcome.name), onto_terminal=False) as progress:
            yield from read(outcome, speakers, progress=progress)


def say_how_it_went(outcomes: Sequence[Outcome], speakers: Speakers, *, chosen: bool) -> bool:
    """Say it on stderr; whether anything was wrong with a capture.

    Args:
        outcomes: What came of the captures.
        speakers: The dialects, with the user's keys.
        chosen: Whether the user saw a choice of the messages only.

    Raises:
        CommandError, typer.Exit: Nothing was decoded, so that an output file is better left as it was.
    """
    for outcome in outcomes:
        for note in outcome.notes:
            typer.echo(f"lmdecode: {note}", err=True)
    complaints = [complaint for outcome in outcomes for complaint in outcome.complaints]
    for complaint in complaints:
        complain(complaint)
    if not complaints or any(outcome.statistics.connections for outcome in outcomes):
        typer.echo(summary(outcomes, chosen=chosen), err=True)
    nothing = nothing_decoded(outcomes, speakers)
    if nothing:
        raise CommandError(nothing)
    if nothing is not None:
        raise typer.Exit(1)
    return bool(complaints)
