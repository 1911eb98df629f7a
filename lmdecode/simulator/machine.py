"""A machine as a pure state machine, without socket or clock: messages and time go in, messages come out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Kind, Value
from lmdecode.codec.v1.memory import Answer, Memory, NamedMemory
from lmdecode.codec.v1.message import ADDRESS_SPACE, OK, Message
from lmdecode.codec.v1.register import Register
from lmdecode.codec.v1.window import encode, registers_in
from lmdecode.codec.v1.windows import LARGEST_READ, REPORTS, WATER_FLOW, Window
from lmdecode.simulator.components import backflush
from lmdecode.simulator.initial_memory import default_memory
from lmdecode.simulator.physics import NotNowError, Physics


@dataclass(frozen=True, slots=True)
class Written:
    """A register to write."""

    name: str
    value: Value
    address: int
    data: bytes


def check_write(request: Message, model: str, memory: Memory) -> list[Written]:
    """Returns the registers that a write sets, in order.

    Raises:
        RegisterError: It is not made of whole writable registers of this model, each in its range.
    """
    data = request.data
    if not data or len(data) != request.length:
        raise RegisterError(f"W{request.preamble} does not hold {request.length} bytes")
    written: list[Written] = []
    position = 0
    while position < len(data):
        address = request.address + position
        row = _writable(address, len(data) - position)
        if row is None or (row.readable and not memory.knows(row.address, row.size)):
            raise RegisterError(f"no register of this machine that may be written is whole at 0x{address:04X}")
        content = data[position : position + row.size]
        name = row.name or ""
        value = row.type.decode(content)
        encode(name, value, model=model)  # checks range and model
        written.append(Written(name, value, address, content))
        position += row.size
    return written


def _writable(address: int, size: int) -> Register | None:
    rows = (row for row in registers_in(address, 1) if row.address == address and row.writable and row.size <= size)
    return next(rows, None)


REFUSED: Final = "NO"
"""The answer to a write that is refused. A real machine's is only known not to be OK."""

_REPORT_EVERY: Final = 1.0  # s
_FLOW_EVERY: Final = 0.5  # s; nobody has written down how often
_STEP: Final = 1.0  # s in which a boiler's heater switches once at most


class Machine:
    r"""A machine.

    Args:
        model: One of `MODELS`, such as "GS3 AV".
        memory: Its memory, which changes; None: what the model starts with.
        now: The time to set its clock to; None: the time in its memory.

    >>> machine = Machine("GS3 AV")
    >>> machine.receive(Message(Kind.READ, 0x0000, 1)).data
    b'\x01'
    """

    def __init__(self, model: str, memory: Memory | None = None, *, now: datetime | None = None) -> None:
        self.model = model
        self.memory = default_memory(model) if memory is None else memory
        self.registers = NamedMemory(self.memory)
        self.physics = Physics(self.registers, model, now)
        self._next_report = 0
        self._until_report = _REPORT_EVERY
        self._until_flow = 0.0

    def take_notes(self) -> list[str]:
        """Returns what has happened since the last call, in words."""
        notes = list(self.physics.notes)
        self.physics.notes.clear()
        return notes

    def receive(self, message: Message) -> Message | None:
        """Takes a request; returns the answer, None where the machine is silent."""
        if message.kind is Kind.READ and message.data is None:
            return self._read(message)
        if message.kind is Kind.WRITE:
            return self._write(message)
        return None

    def advance(self, seconds: float) -> list[Message]:
        """Lets time pass; returns what the machine sends by itself: at most one report and one message of water."""
        flowing = self.physics.pour is not None
        remaining = seconds
        while remaining > 0:
            self.physics.step(min(remaining, _STEP))
            remaining -= _STEP
        said = []
        ended = flowing and self.physics.pour is None
        self._until_flow -= seconds
        if ended or (self.physics.pour is not None and self._until_flow <= 0):
            self._until_flow = _FLOW_EVERY
            said += self._report(Kind.STREAM, WATER_FLOW)
        self._until_report -= seconds
        if self._until_report <= 0:
            self._until_report = max(self._until_report + _REPORT_EVERY, 0.0)
            said += self._report(Kind.READ, REPORTS[self._next_report])
            self._next_report = (self._next_report + 1) % len(REPORTS)
        return said

    def _read(self, request: Message) -> Message | None:
        if not 0 < request.length <= LARGEST_READ:
            return None
        region = self.memory.answer_in(request.address, request.length)
        if region is not None:
            return request if region is Answer.ECHO else None
        data = self.memory.read(request.address, request.length)
        return None if data is None else request._replace(data=data)

    def _write(self, request: Message) -> Message | None:
        if request.address + request.length > ADDRESS_SPACE:
            return None
        answer = Message(Kind.WRITE, request.address, request.length, status=OK)
        try:
            written = check_write(request, self.model, self.memory)
            for each in written:
                self._take(each)
        except (RegisterError, NotNowError) as error:
            self.physics.notes.append(f"refused: {error}")
            return answer._replace(status=REFUSED)
        self.physics.publish()
        return answer

    def _take(self, written: Written) -> None:
        if written.name == "command":
            if written.value == "start_backflush":
                self.physics.begin(backflush())
            else:
                self.registers.put("steam_boiler_enable", written.value == "steam_boiler_on")
        elif written.name == "power":
            self.physics.switch(on=written.value is True)
        else:
            self.registers.spread(written.address, written.data)
            if written.name == "clock":
                self.physics.adopt_clock()

    def _report(self, kind: Kind, window: Window) -> list[Message]:
        data = self.memory.read(window.address, window.length)
        return [] if data is None else [Message(kind, window.address, window.length, data)]
