"""How commands end: an error is one line on stderr and an exit code, a closed pipe is silent, Ctrl-C is 130.

This is the one place that turns errors into exit codes. Each class of errors has its code as `exit_code`: 1 for a
failure, 2 for wrong usage, 3 for no connection to the machine. A command over captures first says what came of them:
notes, complaints and a summary.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

import typer

from lmdecode.codec.errors import LmdecodeError

if TYPE_CHECKING:
    from lmdecode.app.captures import CaptureVerdict
    from lmdecode.app.decode import Outcome
    from lmdecode.app.memory_sources import MemorySources
    from lmdecode.codec.dialect import Speakers

P = ParamSpec("P")
R = TypeVar("R")

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C: 128 + SIGINT, as shells have it."""
TERMINATED: Final = 143
"""The exit code after SIGTERM."""


def complain(message: str) -> None:
    """Print one line of complaint on stderr, red on a terminal that has colours."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    typer.secho(f"lmdecode: {message}", fg=None if plain else "red", err=True)


def reports_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Make a command end as this module says."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except LmdecodeError as error:
            if str(error):  # an error without a text ends a command that has complained already
                complain(str(error))
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            # Whoever read our output has seen enough. What is still buffered must not fail at exit either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            complain("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except OSError as error:
            complain(f"{error.filename or 'input or output'}: {error.strerror}")
            raise typer.Exit(1) from None

    return run


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


@contextlib.contextmanager
def failures_as_json(wanted: bool) -> Iterator[None]:
    """Prints a failure on stdout too, as the JSON object that scripts wait for."""
    try:
        yield
    except LmdecodeError as error:
        if wanted:
            typer.echo(json.dumps({"state": "failed", "complaint": str(error)}, ensure_ascii=False))
        raise
