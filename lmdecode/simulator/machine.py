"""A machine as a pure state machine, without socket or clock: messages and time go in, messages come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Kind, Value
from lmdecode.codec.v1.memory import Answer, Memory, NamedMemory, Region
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.message import ADDRESS_SPACE, OK, Message
from lmdecode.codec.v1.register import MODELS, Register
from lmdecode.codec.v1.window import encode, registers_in
from lmdecode.codec.v1.windows import LARGEST_READ, REPORTS, WATER_FLOW, WINDOWS, Window
from lmdecode.simulator.components import backflush
from lmdecode.simulator.physics import NotNowError, Physics

_GS3_AV: Final[Mapping[int, str]] = {  # firmware 1.40: on, and warm
    0x0000: "010000026E313903C204D7000B16212C0B16212C00780076006E008203E808",
    0x0020: "0000014B00000098000001B1000000250000056A00000923000000180000000A00000AEE000000180000003A",
    0x0050: "000001FE000001890000977200001CA90000950000000075",
    0x00E2: "1E2832DE",
    0x0300: "001A0906020115",
    0x0310: "FF06110611061106110611061106110000000000000000000000000000",
    0x4000: "018C02536E303030303030303030300100000000000000010100005003AA0372000205",
    0x4060: "21140F00B003D704500050000F000F0064006400CA000600000101BD00990000",
}
_GS3_MP: Final[Mapping[int, str]] = {  # firmware 1.23: in standby
    0x0000: "00003C026E3230039804A6000608000012180000006E00DC0096012C03E811",
    0x0020: "0000024C000000000000000000000000000000000000024C000002430000000000000000000002430000015C",
    0x0050: "0000006B0000008600003F7B00001FB800000000000004DF",
    0x00E2: "00000000",
    0x0300: "00040B01140317",
    0x0310: "FE080C080C080C080C080C080C080C0000000000000000000000000000",
    0x4000: "027B02536E303030303030303030300000000000000000000100000001110126000001",
    0x4060: "0000009803A604500050000F000F006400640070000000000001550055000001",
}
_WINDOWS_OF: Final = {"GS3 AV": _GS3_AV, "GS3 MP": _GS3_MP}
_MODULE: Final = "Sn0000000000"
_ACCOUNT: Final = b"00000000-0000-4000-8000-000000000000\0not-a-password\0"
_ECHOING: Final = Region(0x0200, 0x100, Answer.ECHO)  # that some regions echo is known; which is our choice


def default_memory(model: str) -> Memory:
    """Returns the memory that a model starts with: all that the memory map knows."""
    memory = Memory()
    for row in REGISTERS:
        memory.write(row.address, bytes(row.size))
    for window in WINDOWS:
        memory.write(window.address, bytes(window.length))
    memory.mark(_ECHOING)
    for address, digits in _WINDOWS_OF.get(model, _GS3_AV).items():
        memory.write(address, bytes.fromhex(digits))
    registers = NamedMemory(memory)
    registers.put("module_ser_num", _MODULE)
    for name in ("power", "coffee_temp", "steam_temp"):  # so that all copies agree
        value = registers.get(name)
        if value is not None:
            registers.put(name, value)
    registers.put("machine_ser_num", _serial_of(model))
    registers.put("machine_name", f"simulated {model.rsplit(maxsplit=1)[-1]}")
    registers.put("cloud_broker", "mqtts://cloud.invalid:8883")
    for row in REGISTERS:
        if row.secret:
            memory.write(row.address, _ACCOUNT.ljust(row.size, b"\0"))
        if row.name is None and "FF" in row.note:
            memory.write(row.address, b"\xff" * row.size)
        # A real GS3 MP shows values where it has no buttons; no public message shows that other models do, so zeros.
        if model not in _WINDOWS_OF and row.writable and model not in row.models:
            memory.write(row.address, bytes(row.size))
    return memory


def _serial_of(model: str) -> str:
    """A made-up serial number: the models with the same prefix are numbered from 0."""
    prefix = MODELS[model].serial_prefix
    alike = [name for name, each in MODELS.items() if each.serial_prefix == prefix]
    return f"{prefix}{alike.index(model):06}"


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

    def get(self, name: str) -> Value | None:
        """Returns what a register holds; None if it is not known."""
        return self.registers.get(name)

    def set(self, name: str, value: Value) -> None:
        """Sets a register, or a bit of one, without asking whether it may be written. RegisterError if it cannot be."""
        self.physics.set(name, value)

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
