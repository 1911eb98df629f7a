"""What commands say on stderr after they have read captures: notes, complaints and a summary."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import typer

from lmdecode.cli._common.errors import complain

if TYPE_CHECKING:
    from lmdecode.app.captures import CaptureVerdict
    from lmdecode.app.decode import Outcome
    from lmdecode.app.memory_sources import MemorySources
    from lmdecode.codec.dialect import Speakers


def say(verdict: CaptureVerdict) -> None:
    """Prints a verdict. Its error is still to be raised."""
    _print(verdict.notes, verdict.complaints)
    if verdict.summary:
        typer.echo(verdict.summary, err=True)


@contextlib.contextmanager
def saying(sources: MemorySources) -> Iterator[None]:
    """Prints, when the block ends, even with an error, what there is to say about the files that it read."""
    try:
        yield
    finally:
        _print(sources.notes, sources.complaints)


def _print(notes: Sequence[str], complaints: Sequence[str]) -> None:
    for note in notes:
        typer.echo(f"lmdecode: {note}", err=True)
    for complaint in complaints:
        complain(complaint)


def say_how_it_went(outcomes: Sequence[Outcome], speakers: Speakers, *, chosen: bool) -> bool:
    """Prints what came of captures, and returns whether anything was wrong with one.

    Args:
        outcomes: What came of the captures.
        speakers: The dialects, with the user's keys.
        chosen: Whether the user saw a choice of the messages only.

    Raises:
        CommandError: Nothing was decoded, so that an output file is better left as it was.
    """
    from lmdecode.app.captures import verdict_on

    verdict = verdict_on(outcomes, speakers, chosen=chosen)
    say(verdict)
    if verdict.error is not None:
        raise verdict.error
    return verdict.failed
