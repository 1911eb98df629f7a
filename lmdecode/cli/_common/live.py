"""How commands talk to a machine: something is said within two seconds, and no error of a task goes around us."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lmdecode.allowance import Allowance
from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import complain, exit_code_of

if TYPE_CHECKING:
    import asyncio

    from lmdecode.app.reading import Chosen, Reading
    from lmdecode.config.targets import AnyTarget
    from lmdecode.device.driver import Driver

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
    import asyncio

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
    import asyncio

    await asyncio.sleep(_PATIENCE)
    if while_():
        echo(f"lmdecode: waiting for {waiting_for}; Ctrl-C ends it", err=True)


def live_target(**given: Any) -> AnyTarget:  # noqa: ANN401 -- those of `find_target`
    """Returns the machine that the options name; where they leave something open, it is looked for in the network.

    Args:
        given: The arguments of `find_target`.

    Raises:
        TargetError: There is no address, or several machines fit.
        MissingKeyError, ConfigError, RegisterError: As `find_target`.
    """
    from lmdecode.config.targets import BluetoothTarget, NoAddressError, find_target

    try:
        target = find_target(**given)
    except NoAddressError as error:
        from lmdecode.app.targets import search

        target, found = run_live(search(error), waiting_for="a machine to announce itself")
        echo(f"lmdecode: {found}", err=True)
    if not isinstance(target, BluetoothTarget) and target.host and target.is_guess and given.get("connecting", True):
        from lmdecode.app.targets import settled

        target = run_live(settled(target))
    return target


def chosen_by_name(texts: Sequence[str], driver: Driver[Any] | None = None, *, asking: bool = True) -> Chosen:
    """Returns the values that a user named, and notes names that settings had in earlier versions.

    Args:
        texts: Names, settings and patterns.
        driver: The machine's; None: a machine of v1.
        asking: Whether the values are to be asked for; otherwise they may also be such as the machine only pushes.

    Raises:
        UsageError: There is no such value.
        UnsupportedError: The machine's generation does not tell it.
    """
    from lmdecode.analysis.columns import current_name, field_kinds
    from lmdecode.app.reading import chosen
    from lmdecode.codec.v1.settings import is_former, present_name

    found = chosen(texts, driver, asking=asking)
    for text in (piece.strip() for each in texts for piece in each.split(",")):
        if not is_former(text):
            continue
        if (measured := text.lower().replace("-", "_")) in field_kinds():  # `send coffee-temp` sets something else
            echo(f"lmdecode: {measured} is what the machine measures; the setting is {present_name(text)}", err=True)
        else:
            echo(f"lmdecode: {text} is called {current_name(text)} now", err=True)
    return found


def values_now(driver: Driver[Any], chosen: Chosen, timeout: float) -> Reading:
    """Reads some values of a machine.

    Args:
        driver: The machine's.
        chosen: The values.
        timeout: Seconds to wait for one answer.

    Raises:
        MachineError: The machine cannot be read.
    """
    from lmdecode.app.live import answered_within, session_with, whole
    from lmdecode.app.reading import read_values

    async def reading() -> Reading:
        async with session_with(driver) as session:
            return await answered_within(whole(timeout, driver.generation), read_values(session, driver, chosen.names))

    return run_live(reading(), waiting_for=driver.name)


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
