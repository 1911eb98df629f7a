"""A simulated machine's characteristics, without a radio: values that are written and time go in, answers come out.

What is claimed by several clients of other authors is done as they say. What nobody has written down is our choice:
before the token is accepted, a name that is written stays unanswered and a command is not taken; outside of pairing
mode the token reads as nothing; a name that nobody has seen is answered with nothing.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, Flag, auto
from types import MappingProxyType
from typing import Any, Final

from lmdecode.codec.bluetooth.characteristics import (
    COMMAND,
    NOTIFIED,
    OLD_LOGIN,
    OLD_SETTINGS,
    PAIRING,
    READ,
    TOKEN,
)
from lmdecode.codec.errors import RegisterError
from lmdecode.simulator import json_documents as documents
from lmdecode.simulator.bluetooth.commands import CommandError, Confirmation, prepared
from lmdecode.simulator.bluetooth.faults import answer_with, events_with
from lmdecode.simulator.faults import Fault, Faults, On
from lmdecode.simulator.json_machine import JsonMachine

UNLIKELY_ERROR: Final = 0x0E
"""The error of ATT that says nothing but that it did not work."""
_ACCEPTED, _NOT_ACCEPTED = b"\x01", b"\x00"
_MODEL: Final = "2a24"
_SERIAL: Final = "2a25"
_FIRMWARE: Final = "2a26"
_HARDWARE: Final = "2a27"
_SOFTWARE: Final = "2a28"
_MAKER: Final = "2a29"


class Property(Flag):
    """What a characteristic allows."""

    READ = auto()
    WRITE = auto()
    NOTIFY = auto()


_BOTH: Final = Property.READ | Property.WRITE
_NEWEST: Final[Mapping[str, Property]] = MappingProxyType(
    {READ: _BOTH, COMMAND: _BOTH, PAIRING: Property.READ, TOKEN: _BOTH, NOTIFIED: Property.NOTIFY}
)
_WITHOUT_EVENTS: Final = MappingProxyType({name: each for name, each in _NEWEST.items() if name != NOTIFIED})
_GATEWAY_V3: Final[Mapping[str, Property]] = MappingProxyType({OLD_LOGIN: _BOTH, OLD_SETTINGS: _BOTH})


class Then(Enum):
    """What happens to the link after an answer."""

    GO_ON = "go on"
    SILENCE = "silence"
    """There is no answer, ever; the client gives up after 30 seconds."""
    END = "end"
    """The link is ended instead of an answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a machine answers to a read or a write."""

    value: bytes = b""
    """The value, of a read."""
    error: int = 0
    """The error of ATT that is answered instead; 0 if none is."""
    delay: float = 0.0
    """Seconds to wait first."""
    then: Then = Then.GO_ON


_INSTEAD: Final = {
    "drop": Reply(then=Then.SILENCE),
    "close": Reply(then=Then.END),
    "error": Reply(error=UNLIKELY_ERROR),
}
"""The faults that leave nothing of an answer."""


@dataclass(slots=True)
class _Central:
    """An app that is connected."""

    is_trusted: bool = False
    is_ignored: bool = False
    listens: bool = False
    values: dict[str, bytes] = field(default_factory=dict)
    """What is read next of each characteristic."""
    later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    """What happens in some seconds."""


class Gatt:
    r"""The characteristics of a machine, and the one app that is connected.

    Args:
        machine: The machine.
        token: What an app has to write before anything is answered.
        faults: The faults to simulate.

    >>> from lmdecode.simulator.bluetooth.faults import FAULTS
    >>> from lmdecode.simulator.families import FAMILIES
    >>> gatt = Gatt(JsonMachine(FAMILIES["Linea Micra"], "bluetooth"), "secret", Faults(table=FAULTS))
    >>> gatt.connect(), gatt.write("0d0b", b"secret").error, gatt.write("0a0b", b"machineMode\0").error
    (True, 0, 0)
    >>> gatt.read("0a0b").value
    b'"BrewingMode"\x00'
    """

    def __init__(self, machine: JsonMachine, token: str, faults: Faults) -> None:
        self.machine = machine
        self.faults = faults
        self.pairing = False
        """Whether it tells its token to anybody."""
        self.notes: list[str] = []
        """What has happened, in words; whoever reads it empties it."""
        self._token = token.encode()
        self._central: _Central | None = None
        self._commands = 0
        self._last = self._said({"CoffeeBoiler1UpdateTemperature": round(machine.registers.number("coffee_temp", 0))})

    @property
    def is_connected(self) -> bool:
        """Whether an app is connected."""
        return self._central is not None

    @property
    def advertises(self) -> bool:
        """Whether it can be found, and takes a link."""
        return self._central is None and not self._has("held")

    @property
    def name(self) -> str:
        """The name that it advertises."""
        return self.machine.family.bluetooth_name

    @property
    def characteristics(self) -> Mapping[str, Property]:
        """The characteristics of its own service, by their short names."""
        if self._has("old-gateway"):
            return _GATEWAY_V3
        return _WITHOUT_EVENTS if self._has("no-events") else _NEWEST

    @property
    def information(self) -> Mapping[str, str]:
        """What it says of itself to anybody, by the short names of the standard's characteristics."""
        machine = self.machine
        return {
            _MAKER: "La Marzocco",
            _MODEL: machine.model,
            _SERIAL: machine.serial_number,
            _FIRMWARE: machine.gateway,
            _HARDWARE: machine.family.hardware,
            _SOFTWARE: machine.gateway,
        }

    def connect(self) -> bool:
        """Takes an app that connects; returns whether the link stays. What the app before left behind is forgotten."""
        fault = self.faults.befalling(On.CONNECTION)
        self._note(fault)
        if fault is not None and fault.name == "busy":
            return False
        self._central = _Central(is_ignored=fault is not None and fault.name == "never")
        return True

    def disconnect(self) -> None:
        """Notes that the app is gone."""
        self._central = None

    def read(self, name: str, *, goes_on: bool = False) -> Reply:
        """Answers a read.

        Args:
            name: The characteristic's short name.
            goes_on: Whether an app reads on in a value whose beginning it has: the value must be the same.
        """
        central = self._central
        if central is None or central.is_ignored:
            return Reply(then=Then.SILENCE)
        if name == PAIRING:
            return Reply(self._token if self.pairing else b"")
        value = central.values.get(name, _NOT_ACCEPTED if name == TOKEN else b"")
        if goes_on or name in {TOKEN, OLD_LOGIN, OLD_SETTINGS}:
            return Reply(value)
        fault = self.faults.befalling(On.ANSWER)
        self._note(fault)
        if fault is None:
            return Reply(value)
        instead = _INSTEAD.get(fault.name)
        if instead is not None:
            return instead
        if fault.name == "text":
            text, nul, _ = value.partition(b"\0")
            value = _texts(text) + nul
        else:
            value = answer_with(fault.name, value, central.values.get("before", b""), self.faults.random)
        central.values[name] = value  # so that a value which is read in pieces has the fault in all of them
        return Reply(value, delay=fault.argument if fault.name == "delay" else 0.0)

    def write(self, name: str, value: bytes) -> Reply:
        """Takes a value that is written, and does what it says."""
        central = self._central
        if central is None or central.is_ignored:
            return Reply(then=Then.SILENCE)
        match name:
            case "0d0b":
                return self._log_in(central, value)
            case "0a0b":
                return self._ask(central, value)
            case "0b0b":
                return self._obey(central, value)
        self.notes.append(f"{len(value)} bytes written to {name}, which this simulator does not understand")
        return Reply()

    def subscribe(self, *, on: bool) -> list[bytes]:
        """Takes or ends a subscription; returns what is notified then: the last notification once more."""
        central = self._central
        if central is None or central.is_ignored:
            return []
        central.listens = on
        return [self._last] if on and central.is_trusted else []

    def advance(self, seconds: float, said: list[dict[str, Any]]) -> list[bytes]:
        """Lets time pass; returns what is notified.

        Args:
            seconds: How long, in the app's time.
            said: What the machine has said meanwhile.
        """
        central = self._central
        if central is not None:
            self._pass(central, seconds)
        found = []
        for items in said:
            self._last = self._said(items)
            if central is not None and central.listens and central.is_trusted:
                fault = self.faults.befalling(On.STREAM)
                self._note(fault)
                found += events_with(None if fault is None else fault.name, self._last, self.faults.random)
        return found

    def _pass(self, central: _Central, seconds: float) -> None:
        waiting, central.later = [(left - seconds, do) for left, do in central.later], []
        for left, do in waiting:
            if left <= 0:
                do()
            else:
                central.later.append((left, do))

    def _log_in(self, central: _Central, value: bytes) -> Reply:
        fault = self.faults.befalling(On.TOKEN)
        self._note(fault)
        central.is_trusted = False
        central.values[TOKEN] = _NOT_ACCEPTED

        def accept() -> None:
            central.is_trusted = True
            central.values[TOKEN] = _ACCEPTED

        if not hmac.compare_digest(value, self._token):
            self.notes.append("a wrong token: nothing will be answered")
        elif fault is None:
            accept()
        elif fault.name == "late-token":
            central.later.append((fault.argument, accept))
        return Reply()

    def _ask(self, central: _Central, value: bytes) -> Reply:
        name, nul, _ = value.partition(b"\0")
        central.values["before"] = central.values.get(READ, b"")
        central.values[READ] = value  # until the answer is there
        if not central.is_trusted:
            self.notes.append("asked before the token was accepted: not answered")
            central.values[READ] = b""
        elif not nul:
            self.notes.append("asked without a NUL at the end: not answered")
        else:
            central.values[READ] = self._answer(name.decode("utf-8", "replace"))
        return Reply()

    def _answer(self, name: str) -> bytes:
        answer = _ANSWERS.get(name)
        if answer is None:
            self.notes.append(f"asked for {name[:40]!r}, which nobody has seen: answered with nothing")
            return b"" if self._has("no-events") else b"\0"
        text = _compact(answer(self.machine)).encode()
        if self._has("no-events"):  # as the clients of that time were made for
            return _texts(text)
        return text + b"\0"

    def _obey(self, central: _Central, value: bytes) -> Reply:
        central.values[COMMAND] = b""
        if not central.is_trusted:
            self.notes.append("a command before the token was accepted: not taken")
            return Reply()
        fault = self.faults.befalling(On.WRITE)
        self._note(fault)
        kind = None if fault is None else fault.name
        if kind == "lost-before":
            return Reply(then=Then.END)
        if kind == "write-error":
            return Reply(error=UNLIKELY_ERROR)
        self._commands += 1
        confirmed = self._confirmation(value, kind)
        text = confirmed.text(self._commands).encode() + (b"" if self._has("no-events") else b"\0")
        if fault is not None and kind == "late":
            central.later.append((fault.argument, lambda: central.values.update({COMMAND: text})))
        elif kind != "unconfirmed":
            central.values[COMMAND] = text
        return Reply(then=Then.END if kind == "lost-after" else Then.GO_ON)

    def _confirmation(self, value: bytes, fault: str | None) -> Confirmation:
        """Does what a command says; returns what is said of it."""
        try:
            do = prepared(self.machine, value)
            if fault == "no-ok":
                return Confirmation(False, "Error")
            if fault != "lie":
                do()
                self.machine.physics.publish()
        except (CommandError, RegisterError) as error:
            self.notes.append(f"refused: {error}")
            return Confirmation(False, str(error))
        return Confirmation(True, "Success")

    def _has(self, fault: str) -> bool:
        return self.faults.argument_of(fault) is not None

    def _note(self, fault: Fault | None) -> None:
        if fault is not None:
            self.notes.append(f"fault {fault.name}")

    @staticmethod
    def _said(items: Mapping[str, Any]) -> bytes:
        return _compact(items).encode()


_ANSWERS: Final[Mapping[str, Callable[[JsonMachine], object]]] = {
    "machineMode": documents.mode,
    "machineCapabilities": documents.capabilities,
    "boilers": lambda machine: documents.boilers(machine, whole=True),
    "tankStatus": documents.tank_status,
    "smartStandBy": documents.smart_standby,
    "isPlumbedIn": lambda machine: machine.plumbed_in,
}


def _texts(text: bytes) -> bytes:
    """Returns an answer with true and false as text, where real machines were seen to do so: not within a list."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, bool):
        value = _word(value)
    elif isinstance(value, dict):
        value = {name: _word(each) if isinstance(each, bool) else each for name, each in value.items()}
    return _compact(value).encode()


def _word(flag: bool) -> str:  # noqa: FBT001 -- its only argument
    return "true" if flag else "false"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
