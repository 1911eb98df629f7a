"""How commands end: an error is one line on stderr and an exit code, a closed pipe is silent, Ctrl-C is 130.

This is the one place that turns errors into exit codes. Each class of errors has its code as `exit_code`: 1 for a
failure, 2 for wrong usage, 3 for no connection to the machine. Any other error, of ours or of a library, is 1. A
command over captures first says what came of them: notes, complaints and a summary.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.terminal import GuardedTerminal
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.printable import printable

if TYPE_CHECKING:
    from lmdecode.app.asked import Asked
    from lmdecode.app.captures import CaptureVerdict
    from lmdecode.app.decode import Outcome
    from lmdecode.app.memory_sources import MemorySources
    from lmdecode.codec.speakers import Speakers

P = ParamSpec("P")
R = TypeVar("R")

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C: 128 + SIGINT, as shells have it."""
TERMINATED: Final = 143
"""The exit code after SIGTERM."""


OUT_OF_MEMORY: Final = (
    "memory ran out; what was read until then is all that there is: give it more (ulimit -v), decode without --jobs, "
    "or take a piece: editcap -c 100000 BIG.pcap PIECE.pcap"
)
TRACEBACK: Final = "LMDECODE_TRACEBACK"
"""The environment variable that shows where an error of ours was raised. Its text may hold what nobody should see."""

_NO_MEMORY: Final = ("cannot allocate memory", "failed to map segment", "can't start new thread")


def complain(message: str) -> None:
    """Print one line of complaint on stderr, red on a terminal that has colours."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb" or not sys.stderr.isatty()
    styled = sys.stderr.rich_proxied_file if isinstance(sys.stderr, GuardedTerminal) else None
    text = f"lmdecode: {printable(message)}"
    if plain:
        echo(text, err=True)
        return
    import typer

    typer.secho(text, fg="red", err=True, file=styled)  # noqa: TID251 -- for complaints the one place


def reports_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Make a command end as this module says."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (Exception, KeyboardInterrupt) as error:
            import typer

            click = [each for each in typer.BadParameter.__mro__ if each.__name__ == "ClickException"]  # wherever it is
            if isinstance(error, (typer.Exit, typer.Abort, *click)):  # these end the command themselves
                raise
            raise typer.Exit(exit_code_of(error)) from None  # no traceback, whatever it is

    return run


def exit_code_of(error: BaseException) -> int:
    """Says in one line what ended a command, and returns its exit code.

    This is the only place that says it, whoever raised the error. No traceback is shown, and the text of an error that
    is not ours is not shown either: it may quote a key or a password.
    """
    if isinstance(error, LmdecodeError):
        if str(error):  # an error without a text ends a command that has complained already
            complain(str(error))
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has seen enough. What is still buffered must not fail at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, KeyboardInterrupt):
        complain("interrupted")
        return INTERRUPTED
    if _is_want_of_memory(error):
        complain(OUT_OF_MEMORY)
    elif isinstance(error, OSError) and error.strerror:
        complain(f"{error.filename or 'input or output'}: {error.strerror}")
    else:
        complain(f"{_whose(error)}. This is a fault of lmdecode; please report it. {TRACEBACK}=1 shows more of it")
    if os.environ.get(TRACEBACK):
        import traceback

        echo(*"".join(traceback.format_exception(error)).splitlines(), err=True)
    return 1


def _is_want_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: also as libraries say it that were being loaded, and the system for a process."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, (ImportError, RuntimeError)) and any(each in str(error).lower() for each in _NO_MEMORY)


def _whose(error: BaseException) -> str:
    """Returns the kind of an error and the last line of ours on its way."""
    kind = type(error)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    place, step = "", error.__traceback__
    while step is not None:
        path = step.tb_frame.f_code.co_filename.replace("\\", "/")
        _, inside, rest = path.rpartition("/lmdecode/")
        if inside and not path.endswith("/cli/_common/errors.py"):
            place = f" at lmdecode/{rest}:{step.tb_lineno}"
        step = step.tb_next
    return f"{name}{place}"


def say(verdict: CaptureVerdict) -> None:
    """Prints a verdict. Its error is still to be raised."""
    _print(verdict.notes, verdict.complaints)
    if verdict.summary:
        echo(verdict.summary, err=True)


@contextlib.contextmanager
def saying(sources: MemorySources) -> Iterator[None]:
    """Prints, when the block ends, even with an error, what there is to say about the files that it read."""
    try:
        yield
    finally:
        _print(sources.notes, sources.complaints)


def _print(notes: Sequence[str], complaints: Sequence[str]) -> None:
    for note in notes:
        echo(f"lmdecode: {note}", err=True)
    for complaint in complaints:
        complain(complaint)


def say_how_it_went(outcomes: Sequence[Outcome], speakers: Speakers, asked: Asked) -> bool:
    """Prints what came of captures, and returns whether anything was wrong with one.

    Args:
        outcomes: What came of the captures.
        speakers: The dialects, with the user's keys.
        asked: What the user wanted to see.

    Raises:
        CommandError: Nothing was decoded, so that an output file is better left as it was.
        UsageError: A machine was asked for that is not in the captures.
    """
    from lmdecode.app.captures import verdict_on

    verdict = verdict_on(outcomes, speakers, asked, "shown")
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
            echo_json({"state": "failed", "complaint": str(error)})
        raise
