"""What a command that reads captures says when it has read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from lmdecode.cli.failures import CommandError, complain
from lmdecode.cli.progress import progress_bar
from lmdecode.cli.reading import Outcome, nothing_decoded, read, summary
from lmdecode.codec.decoded import Decoder
from lmdecode.codec.record import Record

__all__ = ["read_one_by_one", "say_how_it_went"]


def read_one_by_one(
    paths: Sequence[Path], outcomes: list[Outcome], decoder: Decoder, port: int, *, onto_terminal: bool = False
) -> Iterator[Record]:
    """The records of some captures, one capture after the other, their connections numbered on.

    Args:
        paths: The captures.
        outcomes: Takes what came of each.
        decoder: With the machine's key.
        port: The machine's.
        onto_terminal: Whether what is made of them goes to a terminal while they are read.
    """
    connections = 0
    for path in paths:
        outcome = Outcome(path)
        outcomes.append(outcome)
        with progress_bar(path, onto_terminal=onto_terminal) as progress:
            yield from read(outcome, decoder, port, first_stream=connections, progress=progress)
        connections += outcome.statistics.connections


def say_how_it_went(outcomes: Sequence[Outcome], port: int, origin: str, *, chosen: bool) -> bool:
    """Say it on stderr; whether anything was wrong with a capture.

    Args:
        outcomes: What came of the captures.
        port: The machine's.
        origin: Where the key is from.
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
    nothing = nothing_decoded(outcomes, port, origin)
    if nothing:
        raise CommandError(nothing)
    if nothing is not None:
        raise typer.Exit(1)
    return bool(complaints)
