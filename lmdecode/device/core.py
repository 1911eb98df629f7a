"""The client core: what a client of any generation does next, decided without I/O.

A machine is read and changed in the same way whatever it speaks, and what makes that safe stands here once:

- One request at a time. Whoever carries out the steps has one connection, and sends the next request when the last one
  is answered, or given up.
- A read changes nothing, so it is made again, on a new connection: an answer that comes late must not be taken for the
  answer to another request.
- A write may have been taken although its answer was lost, so it is never sent twice: a second one could start a second
  backflush, or undo what somebody has set at the machine meanwhile. What came of it is settled by reading. A connection
  is made before a write and apart from it, so that what was never sent is not counted as sent.

Each use is a generator. It yields a step, and is sent what came of it: the Record of an answer, or None; an error is
thrown into it. So a test is events in, steps out, without a socket, a radio or a clock; `device.session` carries the
steps out over a real connection.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, Protocol, TypeVar

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Record, Value
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
S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)
T = TypeVar("T")

TRIES: Final = 3
"""The number of times that a read is tried at most."""
FIRST_PAUSE: Final = 0.2
"""Seconds before the second try."""
_LONGEST_PAUSE: Final = 30.0  # s
LOOKS: Final = (0.0, 0.3, 0.7)
"""Seconds before each attempt to read a written value back; the machine may take a second."""


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


class State(StrEnum):
    """The state of a change."""

    DONE = "done"
    """The machine holds the new value; or it said that it took it, and the setting cannot be read back."""
    UNCHANGED = "unchanged"
    """The machine held the value already; nothing was sent."""
    NOT_TAKEN = "not taken"
    """The machine refused the value, or holds another one."""
    UNKNOWN = "unknown"
    """The change was sent, but it is unknown whether the machine took it."""
    NOT_SENT = "not sent"
    """An earlier change failed, or the connection was gone before this one."""


class Change(Protocol[S_contra]):
    """A new value for a setting, in one generation. The state is what is known of a machine after it was read."""

    @property
    def name(self) -> str:
        """The name of the value that it sets, as in `Record.fields`."""

    @property
    def label(self) -> str:
        """The name of the value in which it shows, where that is another one: of a command, its effect."""

    @property
    def value(self) -> Value:
        """The new value, as it was asked for."""

    @property
    def expected(self) -> Value:
        """The value that shows if it worked."""

    @property
    def is_shown(self) -> bool:
        """Whether anything that can be read shows whether it worked."""

    @property
    def is_repeatable(self) -> bool:
        """Whether it is sent even if the machine holds the value already: a clock is set anew."""

    @property
    def hazard(self) -> str:
        """What it does that heats or moves water, in words: "heats the boilers"; "" if it does neither."""

    def value_in(self, state: S_contra) -> Value | None:
        """Return the value that the machine holds; None if that is not known."""

    def is_made(self, state: S_contra) -> bool:
        """Return True if the machine holds the new value."""


class Plan(Protocol[R, S]):
    """Changes that are made together, and how that is done in one generation."""

    @property
    def changes(self) -> Sequence[Change[S]]:
        """The changes, each of another value."""

    def fitted(self) -> Steps[R, Plan[R, S]]:
        """Check the changes against the machine's model, which is read if it matters and is not known.

        Raises:
            ModelUnknownError: The model matters and cannot be found.
            RegisterError: The model does not have the setting, or does not take the value.
            MachineError: The machine cannot be read.
        """

    def look(self, *, closely: bool = False) -> Steps[R, S]:
        """Read where the changes show. Always read something, so that a wrong key shows before a write.

        Args:
            closely: Whether to read also what shows that a change may not be meant.

        Raises:
            MachineError: The machine cannot be read.
        """

    def writes(self, pending: Sequence[Change[S]], state: S) -> Sequence[R]:
        """Return the requests that make some of the changes.

        Args:
            pending: The changes.
            state: What the machine holds.
        """

    def is_sent(self, change: Change[S], sent: Sequence[R]) -> bool:
        """Return True if one of the requests makes a change."""

    def text(self, request: R) -> str:
        """Return a request that was sent, as one line without secrets: for JSON, and for who is interrupted."""

    def doubts(self, pending: Sequence[Change[S]], state: S) -> list[str]:
        """Return what may not be meant, one line each; [] if nothing is doubtful."""

    def unread(self) -> S:
        """Return what is known of a machine that could not be read."""


@dataclass(frozen=True, slots=True)
class Preview(Generic[R, S]):
    """What changes would change, and nothing sent yet."""

    plan: Plan[R, S]
    """The changes, checked against the machine's model."""
    before: S
    """What the machine holds."""

    @property
    def changes(self) -> Sequence[Change[S]]:
        """All of the changes."""
        return self.plan.changes

    @property
    def unchanged(self) -> bool:
        """Whether the machine holds all the values already."""
        return all(each.is_shown and each.is_made(self.before) for each in self.changes)

    @property
    def pending(self) -> list[Change[S]]:
        """The changes that are not made yet."""
        return [each for each in self.changes if not each.is_shown or not each.is_made(self.before)]

    @property
    def doubts(self) -> list[str]:
        """What may not be meant, one line each; [] if nothing is doubtful."""
        return self.plan.doubts(self.pending, self.before)


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """The result of one change."""

    change: Change[Any]
    old: Value | None
    """The value before; None if it is not known."""
    found: Value | None
    """The value that was read back; None if none was."""
    state: State

    def __str__(self) -> str:
        new = self.change.expected if self.found is None else self.found
        return f"{self.change.name}: {self.old} → {new}, {self.state}"


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """The outcome of a request to change settings."""

    results: tuple[ChangeResult, ...]
    sent: tuple[Any, ...]
    """The writes that were sent, as requests of the generation; none if the machine held all values already."""
    complaint: str = ""
    """What went wrong, one line; "" if nothing did."""
    texts: tuple[str, ...] = ()
    """The writes that were sent, each as one line."""

    @property
    def done(self) -> bool:
        """Whether the machine now holds all values."""
        return all(result.state in {State.DONE, State.UNCHANGED} for result in self.results)

    def __repr__(self) -> str:
        return f"Outcome({'; '.join(map(str, self.results))})"


def previewing(plan: Plan[R, S]) -> Steps[R, Preview[R, S]]:
    """Reads what changes would change.

    Raises:
        RegisterError: The model does not have the setting, or does not take the value.
        ModelUnknownError: The model matters and cannot be found.
        MachineError: The machine cannot be read.
    """
    fitted = yield from plan.fitted()
    return Preview(fitted, (yield from fitted.look(closely=True)))


def making(found: Preview[R, S], *, looks: Sequence[float] = LOOKS) -> Steps[R, Outcome]:
    """Makes changes: writes each once, and reads all of them back.

    A lost answer is settled by reading: if the machine holds the new value, the change is done. If it does not, and the
    machine never confirmed the write, the write may still be on its way: then the state is "unknown" rather than "not
    taken". So it is if the machine confirmed the write, still held the old value, and then could not be read any more.

    Args:
        found: The changes, and what the machine holds.
        looks: Seconds before each attempt to read the values back; the first that finds them is the last.

    Raises:
        MachineError: There is no connection any more, or this generation has no such write; nothing was sent.
    """
    plan, before = found.plan, found.before
    pending = [each for each in plan.changes if not each.is_shown or each.is_repeatable or not each.is_made(before)]
    sent: list[_Sent[R]] = []
    complaint = ""
    for request in plan.writes(pending, before):
        is_sent = False
        try:
            yield Connect()
            is_sent = True
            yield Write(request)
        except MachineError as error:
            if is_sent and not isinstance(error, UnsupportedError):
                sent.append(_Sent(request, error))
            elif not sent:
                raise
            complaint = str(error)
            break
        sent.append(_Sent(request))
    requests = [each.request for each in sent]
    shown = [each for each in pending if each.is_shown]
    after, failure = yield from _looking_again(plan, [each for each in shown if plan.is_sent(each, requests)], looks)
    results = [
        _result(plan, each, sent, before, after, is_settled=not failure)
        if each in pending
        else ChangeResult(each, each.value_in(before), each.value_in(before), State.UNCHANGED)
        for each in plan.changes
    ]
    if complaint and shown and all(each.is_made(after) for each in shown):
        complaint += "; but the machine holds the new value"
    if failure:
        complaint = "; ".join(filter(None, (complaint, f"what came of it cannot be read: {failure}")))
    return Outcome(tuple(results), tuple(requests), complaint or _not_taken(results), tuple(map(plan.text, requests)))


@dataclass(frozen=True, slots=True)
class _Sent(Generic[R]):
    """A write that was sent."""

    request: R
    error: MachineError | None = None
    """What was wrong with the confirmation; None if the machine confirmed the write."""


def _looking_again(plan: Plan[R, S], changes: Sequence[Change[S]], looks: Sequence[float]) -> Steps[R, tuple[S, str]]:
    """Returns what the machine holds after the writes, and why it could not be read to the end; "" if it could."""
    state = plan.unread()
    for pause in looks if changes else ():
        yield Pause(pause)
        try:
            state = yield from plan.look()
        except MachineError as error:
            return state, str(error)
        if all(each.is_made(state) for each in changes):
            break
    return state, ""


def _result(
    plan: Plan[R, S], change: Change[S], sent: Sequence[_Sent[R]], before: S, after: S, *, is_settled: bool
) -> ChangeResult:
    """Returns what came of one change.

    Args:
        plan: All changes.
        change: This one.
        sent: The writes that were sent, of all changes.
        before: What the machine held.
        after: What it held when it was read last.
        is_settled: Whether it could be read until the last look.
    """
    value = change.value_in(after)
    own = [each for each in sent if plan.is_sent(change, [each.request])]
    error = next((each.error for each in own if each.error is not None), None)
    if not own:
        state = State.NOT_SENT
    elif change.is_shown and change.is_made(after):
        state = State.DONE
    elif isinstance(error, RefusedError):
        state = State.NOT_TAKEN
    elif error is not None:  # a machine that has not confirmed the write may still be about to take it
        state = State.UNKNOWN
    elif not change.is_shown:
        state = State.DONE
    else:
        state = State.NOT_TAKEN if is_settled and value is not None else State.UNKNOWN
    return ChangeResult(change, change.value_in(before), value, state)


def _not_taken(results: Sequence[ChangeResult]) -> str:
    names = [result.change.name for result in results if result.state is State.NOT_TAKEN]
    return f"the machine said OK, but did not take it: {', '.join(names)}" if names else ""
