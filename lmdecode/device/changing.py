"""Changes of settings: what would change, each write once, and what came of it.

Three things happen in this order, in each generation. The changes are checked against the machine's model, and the
machine is read: that is a `Preview`, which somebody may look at and refuse, and nothing was sent. Then each write is
sent once. Then the values are read again, several times, since a machine may take a second: that is the `Outcome`.

A confirmation alone proves nothing. Machines have confirmed what they did not do, and have done what they never
confirmed. So the state of a change is what was read, where it can be read; and where the two leave it open, the state
is "unknown", which is never made better by writing again.

A generation says with its `Plan` what to read and what to write. The steps are those of `core`, and like it this file
has neither socket, radio nor clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, Protocol, TypeVar

from lmdecode.codec.record import Value
from lmdecode.device.core import Connect, Pause, Steps, Write
from lmdecode.device.errors import MachineError, RefusedError, UnsupportedError

R = TypeVar("R")
S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)

LOOKS: Final = (0.0, 0.3, 0.7)
"""Seconds before each attempt to read a written value back; the machine may take a second."""


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
