"""Settings of a machine of v1, as the client core makes them: in its memory."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.memory import Memory, model_of
from lmdecode.codec.v1.message import Message, build
from lmdecode.codec.v1.register import MODELS
from lmdecode.codec.v1.requester import PROBE
from lmdecode.codec.v1.setting_change import SettingChange, beside, change, doubts, windows, writes
from lmdecode.codec.v1.windows import MODEL_WINDOWS
from lmdecode.device.changing import State
from lmdecode.device.core import Ask, Connect, Steps, Write
from lmdecode.device.errors import BadAnswerError, MachineError, ModelUnknownError, NoAnswerError, RefusedError
from lmdecode.device.v1.client import bytes_of


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Changes of registers that are made together; a `Plan` of the client core."""

    changes: Sequence[SettingChange]
    model: str | None = None
    """The machine's model; None: it is read where it matters."""

    def fitted(self) -> Steps[Message, MemoryPlan]:
        """Check the changes against the machine's model. If the model matters and is not known, it is read."""
        every = set(MODELS)
        if self.model is not None or all(set(row.models) == every for each in self.changes for row in each.registers):
            return self
        model = yield from find_model()
        if model is None:
            raise ModelUnknownError(
                "not all models have this, and the machine does not say which one it is: give --model"
            )
        return MemoryPlan([change(each.name, each.value, model=model) for each in self.changes], model)

    def look(self, *, closely: bool = False) -> Steps[Message, Memory]:
        """Read the memory in which the changes show. Always read something, so that a wrong key shows."""
        memory = Memory()
        for address, length in windows(self.changes) or [(PROBE.address, PROBE.length)]:
            memory.write(address, (yield from data(address, length)))
        for address, length in beside(self.changes) if closely else ():
            with suppress(NoAnswerError, BadAnswerError):
                memory.write(address, (yield from data(address, length)))
        return memory

    def writes(self, pending: Sequence[Any], state: Memory) -> Sequence[Message]:
        """Return the writes that make some of the changes."""
        return writes(pending, state)

    def is_sent(self, change: Any, sent: Sequence[Message]) -> bool:  # noqa: ANN401 -- one of its own changes
        """Return True if one of the writes makes a change."""
        return any(
            message.address <= row.address < message.address + message.length
            for message in sent
            for row in change.registers[-1:]
        )

    def text(self, request: Message) -> str:
        """Return the plaintext of a write."""
        return build(request).decode("ascii")

    def doubts(self, pending: Sequence[Any], state: Memory) -> list[str]:
        """Return what may not be meant, one line each."""
        return doubts(pending, state)

    def unread(self) -> Memory:
        """Return an empty memory."""
        return Memory()


def data(address: int, length: int) -> Steps[Message, bytes]:
    """Reads a window; returns its bytes.

    Raises:
        MachineError: The machine cannot be read; or a part of the window is secret, and secrets are not shown.
    """
    return bytes_of((yield Ask(Message(Kind.READ, address, length))))


def find_model() -> Steps[Message, str | None]:
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
            memory.write(window.address, (yield from data(window.address, window.length)))
        except (NoAnswerError, BadAnswerError) as error:  # not all firmware has this window
            silence = error
    if silence is not None and not any(memory.runs()):
        raise silence
    return model_of(memory)


@dataclass(frozen=True, slots=True)
class RawOutcome:
    """The outcome of a raw write."""

    request: Message
    found: bytes | None
    """The bytes that were read back; None if they could not be read."""
    state: State
    complaint: str = ""
    """What went wrong, one line; "" if nothing did."""


def writing_raw(request: Message) -> Steps[Message, RawOutcome]:
    """Writes bytes once and reads them back.

    Raises:
        MachineError: There is no connection; nothing was sent.
    """
    complaint, answered = "", True
    yield Connect()
    try:
        yield Write(request)
    except MachineError as error:
        complaint, answered = str(error), isinstance(error, RefusedError)
    try:
        found = yield from data(request.address, request.length)
    except MachineError as error:
        complaint = "; ".join(filter(None, (complaint, f"what came of it cannot be read: {error}")))
        return RawOutcome(request, None, State.UNKNOWN, complaint)
    if found == request.data:
        return RawOutcome(request, found, State.DONE, complaint)
    complaint = complaint or f"the machine said OK, but holds {found.hex(' ')}"
    return RawOutcome(request, found, State.NOT_TAKEN if answered else State.UNKNOWN, complaint)
