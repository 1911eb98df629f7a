"""How commands end: an error is one line on stderr and an exit code, a closed pipe is silent, Ctrl-C is 130.

The exit code of an error is 1, but 2 where the command was used wrongly, and 3 where there is no connection to the
machine.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
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
