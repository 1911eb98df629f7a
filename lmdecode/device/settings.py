"""Settings of a live machine: read first, written once, read back.

A write is never repeated. Its answer can get lost although the machine took it, and a second one could start a second
backflush or undo what somebody has set at the machine meanwhile. So a lost answer is settled by reading: if the machine
holds the new value, the change is done; if it does not, and the machine never confirmed the write, the write may still
be on its way, and the state is "unknown" rather than "not taken".
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lmdecode.codec.record import Value
from lmdecode.codec.v1.memory import Memory, model_of
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.register import MODELS
from lmdecode.codec.v1.requester import PROBE
from lmdecode.codec.v1.setting_change import SettingChange, change, windows, writes
from lmdecode.codec.v1.windows import MODEL_WINDOWS
from lmdecode.device.errors import BadAnswerError, MachineError, ModelUnknownError, NoAnswerError, RefusedError
from lmdecode.device.session import Session

_LOOKS: Final = (0.0, 0.3, 0.7)  # s before each attempt to read a written value back; the machine may take a second


class State(StrEnum):
    """The state of a change."""

    DONE = "done"
    """The machine holds the new value; or it answered OK, and the setting cannot be read back."""
    UNCHANGED = "unchanged"
    """The machine held the value already; nothing was sent."""
    NOT_TAKEN = "not taken"
    """The machine refused the value, or holds another one."""
    UNKNOWN = "unknown"
    """The change was sent, but it is unknown whether the machine took it."""
    NOT_SENT = "not sent"
    """An earlier change failed."""


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """The result of one change."""

    change: SettingChange
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
    sent: tuple[Message, ...]
    """The writes that were sent; none if the machine held all values already."""
    complaint: str = ""
    """What went wrong, one line; "" if nothing did."""

    @property
    def done(self) -> bool:
        """Whether the machine now holds all values."""
        return all(result.state in {State.DONE, State.UNCHANGED} for result in self.results)

    def __repr__(self) -> str:
        return f"Outcome({'; '.join(map(str, self.results))})"


@dataclass(frozen=True, slots=True)
class RawOutcome:
    """The outcome of a raw write."""

    request: Message
    found: bytes | None
    """The bytes that were read back; None if they could not be read."""
    state: State
    complaint: str = ""
    """What went wrong, one line; "" if nothing did."""


async def find_model(session: Session) -> str | None:
    """Finds the machine's model by its serial number and its counters.

    Returns:
        The model; None if they fit several.

    Raises:
        MachineError: The machine cannot be read.
    """
    memory = Memory()
    silence: MachineError | None = None
    for window in MODEL_WINDOWS:
        try:
            memory.write(window.address, await session.data(window.address, window.length))
        except (NoAnswerError, BadAnswerError) as error:  # not all firmware has this window
            silence = error
    if silence is not None and not any(memory.runs()):
        raise silence
    return model_of(memory)


async def fitted(session: Session, changes: Sequence[SettingChange], model: str | None) -> list[SettingChange]:
    """Checks changes against the machine's model. If the model matters and is not known, it is read.

    Raises:
        ModelUnknownError: The model matters and cannot be found.
        RegisterError: The model does not have the register.
        MachineError: The machine cannot be read.
    """
    if model is not None or all(set(row.models) == set(MODELS) for each in changes for row in each.registers):
        return list(changes)
    model = await find_model(session)
    if model is None:
        raise ModelUnknownError("not all models have this, and the machine does not say which one it is: give --model")
    return [change(each.name, each.value, model=model) for each in changes]


async def look(session: Session, changes: Sequence[SettingChange]) -> Memory:
    """Reads the memory in which changes show. Always reads something, so that a wrong key shows before a write.

    Raises:
        MachineError: The machine cannot be read.
    """
    memory = Memory()
    for address, length in windows(changes) or [(PROBE.address, PROBE.length)]:
        memory.write(address, await session.data(address, length))
    return memory


async def make(
    session: Session, changes: Sequence[SettingChange], before: Memory, *, looks: Sequence[float] = _LOOKS
) -> Outcome:
    """Makes changes: writes each once and reads all of them back.

    Args:
        session: The session with the machine.
        changes: The changes, each of another register.
        before: What the machine holds, from `look`.
        looks: Seconds before each attempt to read the values back; the first that finds them is the last.
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
        ChangeResult(each, each.value_in(before), each.value_in(before), State.UNCHANGED)
        if each not in pending
        else _result(each, before, found, sent=_is_sent(each, sent), complaint=complaint, answered=answered)
        for each in changes
    ]
    if complaint and all(each.is_made(found) for each in pending if each.shown):
        complaint += "; but the machine holds the new value" if any(each.shown for each in pending) else ""
    if failure:
        complaint = "; ".join(filter(None, (complaint, f"what came of it cannot be read: {failure}")))
    return Outcome(tuple(results), tuple(sent), complaint or _not_taken(results))


async def write_raw(session: Session, request: Message) -> RawOutcome:
    """Writes bytes once and reads them back."""
    complaint, answered = "", True
    try:
        await session.write(request)
    except MachineError as error:
        complaint, answered = str(error), isinstance(error, RefusedError)
    try:
        found = await session.data(request.address, request.length)
    except MachineError as error:
        complaint = "; ".join(filter(None, (complaint, f"what came of it cannot be read: {error}")))
        return RawOutcome(request, None, State.UNKNOWN, complaint)
    if found == request.data:
        return RawOutcome(request, found, State.DONE, complaint)
    complaint = complaint or f"the machine said OK, but holds {found.hex(' ')}"
    return RawOutcome(request, found, State.NOT_TAKEN if answered else State.UNKNOWN, complaint)


async def _look_again(session: Session, changes: Sequence[SettingChange], looks: Sequence[float]) -> tuple[Memory, str]:
    """Returns what the machine holds after the writes, and why it could not be read; "" if it could."""
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
    change: SettingChange, before: Memory, found: Memory, *, sent: bool, complaint: str, answered: bool
) -> ChangeResult:
    old, value = change.value_in(before), change.value_in(found)
    if not sent:
        state = State.NOT_SENT
    elif change.shown and value is not None:
        # A machine that has not confirmed the write may still be about to take it.
        state = State.DONE if change.is_made(found) else State.NOT_TAKEN if answered else State.UNKNOWN
    elif change.shown:
        state = State.UNKNOWN
    elif complaint:
        state = State.NOT_TAKEN if answered else State.UNKNOWN
    else:
        state = State.DONE
    return ChangeResult(change, old, value, state)


def _not_taken(results: Sequence[ChangeResult]) -> str:
    names = [result.change.name for result in results if result.state is State.NOT_TAKEN]
    return f"the machine said OK, but did not take it: {', '.join(names)}" if names else ""
