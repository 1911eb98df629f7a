"""The client core: what a client of any generation does next, decided without I/O.

A machine is read and changed in the same way whatever it speaks, and what makes that safe stands here once:

- One request at a time. Whoever carries out the steps has one connection, and sends the next request when the last one
  is answered, or given up.
- A read changes nothing, so it is made again, on a new connection: an answer that comes late must not be taken for the
  answer to another request.
- A write may have been taken although its answer was lost, so it is never sent twice: a second one could start a second
  backflush, or undo what somebody has set at the machine meanwhile. What came of it is settled by reading. A connection
  is made before a write and apart from it, so that what was never sent is not counted as sent.

Each use of a machine is a generator of steps. It yields a step, and somebody else carries the step out and sends what
came of it: the Record of an answer, or None. If the step failed, the error is thrown into the generator instead. So the
generator decides what happens next, and touches no socket, radio or clock. Over a real connection, `session` carries
the steps out. A test does it by hand:

>>> steps = persisting(asking("boilers"))  # whatever a generation calls a request
>>> next(steps)
Ask(request='boilers')
>>> steps.throw(MachineError("the answer is damaged"))  # so the connection is not worth keeping
Disconnect()
>>> next(steps), next(steps)
(Pause(seconds=0.2), Ask(request='boilers'))

How a setting is changed is one more generator of these steps, in `changing`. What a request is, a generation's `Driver`
says, in `driver`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Record
from lmdecode.device.errors import (
    EchoError,
    FloodError,
    MachineError,
    NoConnectionError,
    NotToldError,
    RefusedError,
    UnconfirmedError,
    UnreadableError,
    UnsupportedError,
    WrongKeyError,
)

R = TypeVar("R")
T = TypeVar("T")

TRIES: Final = 3
"""The number of times that a read is tried at most."""
FIRST_PAUSE: Final = 0.2
"""Seconds before the second try."""
_LONGEST_PAUSE: Final = 30.0  # s


@dataclass(frozen=True, slots=True)
class Ask(Generic[R]):
    """Send a request that changes nothing, and wait for its answer, which is the result."""

    request: R


@dataclass(frozen=True, slots=True)
class Write(Generic[R]):
    """Send a request that changes something, once, and wait until the machine says that it has taken it."""

    request: R


@dataclass(frozen=True, slots=True)
class Connect:
    """Make a connection, unless there is one that works. If that fails, nothing was sent."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Give the connection up; the next request makes another."""


Step = Connect | Ask[R] | Write[R] | Pause | Disconnect
Steps = Generator[Step[R], Any, T]
"""Yields steps, is sent what came of each, and returns a result or raises a `MachineError`."""

_FINAL: Final = (EchoError, FloodError, NotToldError, UnreadableError, WrongKeyError, UnsupportedError)
"""What will not be otherwise on another connection."""


def pauses(first: float = FIRST_PAUSE, longest: float = _LONGEST_PAUSE) -> list[float]:
    """Returns the seconds to wait before each attempt to reconnect. They grow; the last value counts from then on.

    >>> pauses(1, 10)
    [1, 2, 4, 8, 10]
    """
    found = [first]
    while found[-1] < longest:
        found.append(min(2 * found[-1], longest))
    return found


def reading(
    request: R,
    *,
    tries: int = TRIES,
    pause: float = FIRST_PAUSE,
    is_first: Callable[[], bool] = lambda: False,
) -> Steps[R, Record]:
    """Reads, several times if need be.

    Args:
        request: The request.
        tries: How many times at most.
        pause: Seconds before the second try; they double before each next one.
        is_first: Returns whether no connection has been made but the present one. If that one fails, it fails at once:
            "refused" or "busy" will not change in a second. After a connection that worked, it is worth trying again.

    Returns:
        The answer.

    Raises:
        MachineError: As in the last try.

    Example: the first try fails.

    >>> steps = reading("boilers", is_first=lambda: False)
    >>> next(steps), steps.throw(MachineError("no answer")), next(steps), next(steps)
    (Ask(request='boilers'), Disconnect(), Pause(seconds=0.2), Ask(request='boilers'))
    """
    waits = pauses(pause)
    for attempt in range(tries):
        try:
            answer: Record = yield Ask(request)
        except _FINAL:
            raise
        except MachineError as error:
            yield Disconnect()
            if attempt + 1 == tries or (is_first() and isinstance(error, NoConnectionError)):
                raise
        else:
            return answer
        yield Pause(waits[min(attempt, len(waits) - 1)])
    raise AssertionError  # the last attempt raises


def writing(request: R) -> Steps[R, None]:
    """Writes, once.

    Raises:
        RefusedError: The machine did not take the write.
        MachineError: Something else failed; if the write was sent, it is not known whether the machine took it.
    """
    try:
        yield Write(request)
    except (RefusedError, UnconfirmedError, UnsupportedError):  # the connection is as good as before
        raise
    except MachineError:
        yield Disconnect()
        raise


def persisting(
    steps: Steps[R, T],
    *,
    tries: int = TRIES,
    pause: float = FIRST_PAUSE,
    is_first: Callable[[], bool] = lambda: False,
) -> Steps[R, T]:
    """Carries other steps through failures: each read is made again, each write never.

    Args:
        steps: The other steps.
        tries: As for `reading`, of each of their reads.
        pause: As for `reading`.
        is_first: As for `reading`.

    Returns:
        Their result.

    Raises:
        MachineError: As they do.
    """
    try:
        step = next(steps)
        while True:
            try:
                match step:
                    case Ask(request):
                        result: Any = yield from reading(request, tries=tries, pause=pause, is_first=is_first)
                    case Write(request):
                        result = None
                        yield from writing(request)
                    case _:
                        result = yield step
            except LmdecodeError as error:
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as ended:
        return ended.value  # type: ignore[no-any-return]  # a generator's result has no type at run time
    finally:
        steps.close()


def asking(request: R) -> Steps[R, Record]:
    """Asks one thing; returns the answer."""
    answer: Record = yield Ask(request)
    return answer


def telling(request: R) -> Steps[R, None]:
    """Writes one thing."""
    yield Write(request)
