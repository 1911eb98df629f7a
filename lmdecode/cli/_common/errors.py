"""How commands end: an error is one line on stderr and an exit code, a closed pipe is silent, Ctrl-C is 130.

This is the one place that turns errors into exit codes. Each error class has its code as `exit_code`: 1 for a failure,
2 for wrong usage, 3 for no connection to the machine.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Final, ParamSpec, TypeVar

import typer

from lmdecode.codec.errors import LmdecodeError

P = ParamSpec("P")
R = TypeVar("R")

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C: 128 + SIGINT, as shells have it."""
TERMINATED: Final = 143
"""The exit code after SIGTERM."""


def complain(message: str) -> None:
    """Prints one line of complaint on stderr, red on a terminal with colours."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    typer.secho(f"lmdecode: {message}", fg=None if plain else "red", err=True)


def reports_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Makes a command end as this module says."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except LmdecodeError as error:
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


@contextlib.contextmanager
def failures_as_json(wanted: bool) -> Iterator[None]:
    """Prints a failure on stdout too, as the JSON object that scripts wait for."""
    try:
        yield
    except LmdecodeError as error:
        if wanted:
            typer.echo(json.dumps({"state": "failed", "complaint": str(error)}, ensure_ascii=False))
        raise
