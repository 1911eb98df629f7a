"""Settings of a live machine: looked at, written once, read back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lmdecode.codec.record import Value
from lmdecode.codec.v1.memory import Memory, model_of
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.model import MODELS
from lmdecode.codec.v1.setting_change import SettingChange, change, windows, writes
from lmdecode.codec.v1.windows import ALIVE, MODEL_WINDOWS
from lmdecode.device.errors import BadAnswerError, MachineError, ModelUnknownError, NoAnswerError, RefusedError
from lmdecode.device.session import Session

_LOOKS: Final = (0.0, 0.3, 0.7)  # s before each look at whether the machine has taken what was written


class State(StrEnum):
    """What became of a change."""

    DONE = "done"
    """The machine holds the new value; or it said OK, and there is nothing to be read."""
    UNCHANGED = "unchanged"
    """It held that value before; nothing was sent."""
    NOT_TAKEN = "not taken"
    """The machine refused it, or holds another value."""
    UNKNOWN = "unknown"
    """It was sent, and what came of it could not be found out."""
    NOT_SENT = "not sent"
    """An earlier one failed."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one change."""

    change: SettingChange
    old: Value | None
    found: Value | None
    """What was read back; None if nothing was."""
    state: State

    def __str__(self) -> str:
        new = self.change.expected if self.found is None else self.found
        return f"{self.change.name}: {self.old} → {new}, {self.state}"


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """What became of some changes."""

    results: tuple[Result, ...]
    sent: tuple[Message, ...]
    complaint: str = ""
    """What went wrong, one line."""

    @property
    def done(self) -> bool:
        """Whether the machine now holds all that was asked for."""
        return all(result.state in {State.DONE, State.UNCHANGED} for result in self.results)

    def __repr__(self) -> str:
        return f"Outcome({'; '.join(map(str, self.results))})"


async def find_model(session: Session) -> str | None:
    """The machine's model, by its serial number and its counters; None if they do not tell.

    Raises:
        MachineError: It cannot be read.
    """
    memory = Memory()
    silence: MachineError | None = None
    for window in MODEL_WINDOWS:
        try:
            memory.write(window.address, await session.data(window.address, window.length))
        except (NoAnswerError, BadAnswerError) as error:  # some machines have nothing to say there
            silence = error
    if silence is not None and not any(memory.runs()):
        raise silence
    return model_of(memory)


async def fitted(session: Session, changes: Sequence[SettingChange], model: str | None) -> list[SettingChange]:
    """Some changes, checked against the machine's model, which is asked for if it is not known and matters.

    Raises:
        ModelUnknownError: It matters, and the machine does not tell.
        RegisterError: The model does not have what is to be changed.
        MachineError: It cannot be read.
    """
    if model is not None or all(set(row.models) == set(MODELS) for each in changes for row in each.registers):
        return list(changes)
    model = await find_model(session)
    if model is None:
        raise ModelUnknownError("not all models have this, and the machine does not tell its own: give --model")
    return [change(each.name, each.value, model=model) for each in changes]


async def look(session: Session, changes: Sequence[SettingChange]) -> Memory:
    """What the machine holds where some changes show. Something is read in any case: it shows that the key is right.

    Raises:
        MachineError: It cannot be read.
    """
    memory = Memory()
    for address, length in windows(changes) or [(ALIVE.address, ALIVE.length)]:
        memory.write(address, await session.data(address, length))
    return memory


async def make(
    session: Session, changes: Sequence[SettingChange], before: Memory, *, looks: Sequence[float] = _LOOKS
) -> Outcome:
    """Make some changes: write each once, read all of them back.

    Args:
        session: With the machine.
        changes: Of different registers.
        before: What the machine holds, as `look` gave it.
        looks: Seconds before each time that it is read back, until it holds what was written.
    """
    pending = [each for each in changes if not each.shown or not each.is_made(before) or each.name == "clock"]
    messages = writes(pending, before)
    sent: list[Message] = []
    complaint = ""
    answered = True
    for message in messages:
        sent.append(message)
        try:
            await session.write(message)
        except MachineError as error:
            complaint, answered = str(error), isinstance(error, RefusedError)
            break
    found, failure = await _look_again(session, [each for each in pending if each.shown], looks)
    results = [
        Result(each, each.value_in(before), each.value_in(before), State.UNCHANGED)
        if each not in pending
        else _result(each, before, found, sent=_is_sent(each, sent), complaint=complaint, answered=answered)
        for each in changes
    ]
    if complaint and all(each.is_made(found) for each in pending if each.shown):
        complaint += "; but the machine holds the new value" if any(each.shown for each in pending) else ""
    if failure:
        complaint = "; ".join(filter(None, (complaint, f"what came of it cannot be read: {failure}")))
    return Outcome(tuple(results), tuple(sent), complaint or _not_taken(results))


async def write_raw(session: Session, request: Message) -> tuple[bytes | None, str, bool]:
    """Write some bytes, once, and read them back.

    Returns:
        What was read, None if nothing; what went wrong, in one line; and whether the machine answered the write.
    """
    complaint, answered = "", True
    try:
        await session.write(request)
    except MachineError as error:
        complaint, answered = str(error), isinstance(error, RefusedError)
    try:
        found = await session.data(request.address, request.length)
    except MachineError as error:
        return None, "; ".join(filter(None, (complaint, f"what came of it cannot be read: {error}"))), answered
    if found != request.data and not complaint:
        complaint = f"the machine said OK, but holds {found.hex(' ')}"
    return found, complaint, answered


async def _look_again(session: Session, changes: Sequence[SettingChange], looks: Sequence[float]) -> tuple[Memory, str]:
    """What the machine holds after the writes, and why it could not be read, if so. It is given a second to follow."""
    memory = Memory()
    for pause in looks if changes else ():
        await asyncio.sleep(pause)
        try:
            memory = await look(session, changes)
        except MachineError as error:
            return memory, str(error)
        if all(each.is_made(memory) for each in changes):
            break
    return memory, ""


def _is_sent(change: SettingChange, sent: Sequence[Message]) -> bool:
    return any(
        message.address <= row.address < message.address + message.length
        for message in sent
        for row in change.registers[-1:]
    )


def _result(
    change: SettingChange,
    before: Memory,
    found: Memory,
    *,
    sent: bool,
    complaint: str,
    answered: bool,
) -> Result:
    old, value = change.value_in(before), change.value_in(found)
    if not sent:
        state = State.NOT_SENT
    elif change.shown and value is not None:
        # Without its word for it a machine that has not taken a value may still be about to.
        state = State.DONE if change.is_made(found) else State.NOT_TAKEN if answered else State.UNKNOWN
    elif change.shown:
        state = State.UNKNOWN
    elif complaint:
        state = State.NOT_TAKEN if answered else State.UNKNOWN
    else:
        state = State.DONE
    return Result(change, old, value, state)


def _not_taken(results: Sequence[Result]) -> str:
    names = [result.change.name for result in results if result.state is State.NOT_TAKEN]
    return f"the machine said OK, but did not take it: {', '.join(names)}" if names else ""
