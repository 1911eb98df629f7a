"""How commands talk to a machine: something is said within two seconds, and no error of a task goes around us."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from lmdecode.allowance import Allowance
from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import complain, exit_code_of

T = TypeVar("T")

_PATIENCE: Final = 2.0  # s after which somebody at a terminal is told that the command is waiting


def run_live(
    coroutine: Coroutine[Any, Any, T], *, waiting_for: str = "", while_: Callable[[], bool] = lambda: True
) -> T:
    """Runs what talks to a machine, and returns what it does.

    Args:
        coroutine: What talks.
        waiting_for: Who is waited for, to be said on a terminal; "" if the command says something anyway.
        while_: Whether nothing has been said yet.
    """

    async def run() -> T:
        asyncio.get_running_loop().set_exception_handler(_Unhandled())
        telling = asyncio.create_task(_tell(waiting_for, while_)) if waiting_for and sys.stderr.isatty() else None
        try:
            return await coroutine
        finally:
            if telling is not None:
                telling.cancel()

    return asyncio.run(run())


async def _tell(waiting_for: str, while_: Callable[[], bool]) -> None:
    await asyncio.sleep(_PATIENCE)
    if while_():
        echo(f"lmdecode: waiting for {waiting_for}; Ctrl-C ends it", err=True)


class _Unhandled:
    """Says what the event loop would log with a traceback: a line for each, and not many a second."""

    def __init__(self) -> None:
        self._allowed = Allowance(3, 0.2)

    def __call__(self, _loop: asyncio.AbstractEventLoop, about: dict[str, Any]) -> None:
        if not self._allowed.takes(1):
            return
        error = about.get("exception")
        if isinstance(error, OSError):  # of a socket: the network's, and not ours
            complain(f"{about.get('message', 'the network')}: {error.strerror or error}")
        elif isinstance(error, Exception):
            exit_code_of(error)
