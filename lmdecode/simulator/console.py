"""The console of a simulated machine: its commands in words, which are typed by hand or come from a `script`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Generic, Protocol, TypeVar

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Value
from lmdecode.codec.v1.memory import NamedMemory
from lmdecode.codec.v1.memory_map import UNITS, by_name
from lmdecode.simulator.faults import Faults, parse_fault
from lmdecode.simulator.physics import Physics

_YES_NO: Final = {
    "on": True,
    "yes": True,
    "true": True,
    "1": True,
    "off": False,
    "no": False,
    "false": False,
    "0": False,
}


class ConsoleError(LmdecodeError):
    """A command that cannot be understood; one line that says what can."""


Said = TypeVar("Said")
"""What a machine of a generation says by itself."""


class Simulated(Protocol[Said]):
    """A simulated machine of any generation."""

    model: str
    registers: NamedMemory
    physics: Physics

    def get(self, name: str) -> Value | None:
        """Returns a value by its name; None if it has none."""

    def set(self, name: str, value: Value) -> None:
        """Sets a value without asking whether the machine would take it; RegisterError if it has no such value."""

    def advance(self, seconds: float) -> list[Said]:
        """Lets time pass; returns what the machine says by itself."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the console."""

    usage: str
    does: str
    """Its effect, in words."""
    words: range
    """How many words may come after its name."""
    run: Callable[[list[str]], str]
    """Runs it with these words; returns its answer, often "", or raises an LmdecodeError."""


class Console(Generic[Said]):
    """Runs commands on a machine.

    Args:
        machine: The machine.
        faults: Its faults.
        commands: Further commands by their names: of a generation.

    >>> from lmdecode.simulator.machine import Machine
    >>> console = Console(Machine("GS3 AV"), Faults())
    >>> console.run("shot 2")
    ''
    >>> console.run("get key_active")
    'key_active 2'
    """

    def __init__(
        self, machine: Simulated[Said], faults: Faults, commands: Mapping[str, Command] = MappingProxyType({})
    ) -> None:
        self.machine = machine
        self.faults = faults
        self.done = False
        """Whether `quit` was run."""
        self._commands: Mapping[str, Command] = {
            "shot": Command(
                "shot BUTTON [SECONDS]", "pull a coffee; without seconds, the button's dose", range(1, 3), self._shot
            ),
            "flush": Command("flush [SECONDS]", "let water run through the group", range(2), self._flush),
            "hot-water": Command("hot-water [SECONDS]", "pour hot water", range(2), self._hot_water),
            "stop": Command("stop", "stop the water", range(1), self._stop),
            "power": Command("power on|off", "switch it on, or to standby", range(1, 2), self._power),
            "set": Command("set NAME VALUE", "set a register, or a bit of one", range(2, 9), self._set),
            "get": Command("get NAME", "what a register holds", range(1, 2), self._get),
            **commands,
            "fault": Command("fault NAME[:COUNT]|off", "let something go wrong", range(2), self._fault),
            "status": Command("status", "how it is", range(1), self._status),
            "help": Command("help", "this list", range(1), self._help),
            "quit": Command("quit", "end", range(1), self._quit),
        }

    def check(self, line: str) -> None:
        """Checks a command as far as possible without running it; raises ConsoleError if it cannot be understood."""
        self._find(line)

    def run(self, line: str) -> str:
        """Runs a command; returns its answer, often "".

        Raises:
            LmdecodeError: It cannot be understood, or not be done now.
        """
        found = self._find(line)
        return found[0].run(found[1]) if found else ""

    def _find(self, line: str) -> tuple[Command, list[str]] | None:
        name, *words = line.split() or [""]
        if not name:
            return None
        command = self._commands.get(name.lower())
        if command is None:
            raise ConsoleError(f"no command {name[:40]!r}: there are {', '.join(self._commands)}")
        if len(words) not in command.words:
            raise ConsoleError(f"write: {command.usage}")
        return command, words

    def _shot(self, words: list[str]) -> str:
        if not words[0].isascii() or not words[0].isdigit() or len(words[0]) > 2:
            raise ConsoleError(f"{words[0][:40]!r} is not a button: give 1 to 5")
        self.machine.physics.pull_shot(int(words[0]), _seconds(words[1]) if words[1:] else None)
        return ""

    def _flush(self, words: list[str]) -> str:
        self.machine.physics.flush(_seconds(words[0]) if words else None)
        return ""

    def _hot_water(self, words: list[str]) -> str:
        self.machine.physics.pour_hot_water(_seconds(words[0]) if words else None)
        return ""

    def _stop(self, _: list[str]) -> str:
        if self.machine.physics.pour is None:
            return "no water flows"
        self.machine.physics.stop()
        return ""

    def _power(self, words: list[str]) -> str:
        self.machine.physics.switch(on=yes_no(words[0]))
        return ""

    def _set(self, words: list[str]) -> str:
        name = words[0].replace("-", "_")
        before = self.machine.get(name)
        self.machine.set(name, _value(name, " ".join(words[1:]), before))
        return self._get([name]) if by_name(name) or before is not None else ""

    def _get(self, words: list[str]) -> str:
        name = words[0].replace("-", "_")
        value = self.machine.get(name)
        if value is None:
            raise ConsoleError(f"{name} is not a register with a value in this memory")
        shown = ", ".join(value) or "none" if isinstance(value, list) else value
        return f"{name} {shown}" + (f" {UNITS[name]}" if name in UNITS else "")

    def _fault(self, words: list[str]) -> str:
        if not words:
            on = ", ".join(map(str, self.faults.active)) or "none"
            return "\n".join([f"on: {on}", *(f"  {name:<14} {does}" for name, (_, does) in self.faults.table.items())])
        if words[0].lower() == "off":
            self.faults.clear()
        else:
            self.faults.add(parse_fault(words[0], self.faults.table))
        return ""

    def _status(self, _: list[str]) -> str:
        machine, physics = self.machine, self.machine.physics
        number = machine.registers.number
        parts = [
            machine.model,
            "on" if physics.on else "standby",
            f"coffee {number('coffee_temp', 0):.1f} °C",
            f"steam {number('steam_temp', 0):.1f} °C",
            f"{physics.now:%a %H:%M:%S}",
        ]
        if physics.pour is not None:
            parts.append(f"{physics.pour.what} since {physics.pour.elapsed:.1f} s")
        return ", ".join(parts)

    def _help(self, _: list[str]) -> str:
        return "\n".join(f"  {command.usage:<24} {command.does}" for command in self._commands.values())

    def _quit(self, _: list[str]) -> str:
        self.done = True
        return ""


_KINDS: Final[Mapping[type, str]] = {int: "integer", float: "number", str: "string"}


def _seconds(text: str) -> float:
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 600:
        raise ConsoleError(f"{text[:40]!r} is not a number of seconds up to 600")
    return seconds


def yes_no(text: str) -> bool:
    """Returns whether a word means yes; ConsoleError if it means neither yes nor no."""
    try:
        return _YES_NO[text.lower()]
    except KeyError:
        raise ConsoleError(f"{text[:40]!r} is neither on nor off") from None


def _value(name: str, text: str, before: Value | None) -> Value:
    """Returns the value of a register, a bit or something else from the text that people write."""
    rows = by_name(name)
    kind = rows[0].type.json if rows else _KINDS.get(type(before), "boolean")
    if kind == "boolean":
        return yes_no(text)
    if kind == "array":
        return [] if text == "none" else text.replace(",", " ").split()
    if kind == "string":
        return text
    try:
        return int(text) if kind == "integer" else float(text)
    except ValueError:
        raise ConsoleError(f"{text[:40]!r} is not a number") from None
