"""A script for a simulated machine: commands of its console, each with the time when it is run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic

from lmdecode.codec.errors import LmdecodeError
from lmdecode.simulator.console import Console, ConsoleError, Said

_MOST: Final = 8 << 20  # characters; /dev/zero has no end
_LINE: Final = re.compile(r"(?P<plus>\+?)(?P<number>\d{1,9}(?:\.\d{1,9})?)(?P<unit>s|m|h)?\s+(?P<command>\S.*)\Z").match
_SECONDS: Final = {None: 1, "s": 1, "m": 60, "h": 3600}


class ScriptError(LmdecodeError):
    """A script that cannot be used; one line that says why."""


@dataclass(frozen=True, slots=True)
class Event:
    """A command of a script and its time."""

    seconds: float
    """The machine's time from the start, in seconds."""
    command: str
    line: int
    """Its line in the script."""


def parse_script(text: str) -> list[Event]:
    """Returns the events of a script, in the order of time.

    Raises:
        ScriptError: A line is not a time and a command.

    >>> parse_script("+12.5s shot 2")
    [Event(seconds=12.5, command='shot 2', line=1)]
    """
    events: list[Event] = []
    before = 0.0
    for number, line in enumerate(text.splitlines(), 1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        match = _LINE(content)
        if match is None:
            raise ScriptError(f"line {number} is not a time and a command, such as +12.5s shot 2: {content[:40]!r}")
        seconds = float(match["number"]) * _SECONDS[match["unit"]] + (before if match["plus"] else 0.0)
        before = seconds
        events.append(Event(seconds, match["command"], number))
    return sorted(events, key=lambda event: event.seconds)


def load_script(path: Path) -> list[Event]:
    """Reads a script; raises ScriptError if it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_MOST)
    except UnicodeDecodeError:
        raise ScriptError(f"{path} is not UTF-8 text") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise ScriptError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None
    if len(text) == _MOST:
        raise ScriptError(f"{path} is not a script: it is far too long")
    try:
        return parse_script(text)
    except ScriptError as error:
        raise ScriptError(f"{path}: {error}") from None


class Script(Generic[Said]):
    """Lets time pass for a machine, and runs the commands of a script at their times.

    Args:
        console: Runs the commands.
        events: The commands, in the order of time.
        say: Takes each command that was run, with its answer.

    Raises:
        ScriptError: A command cannot be understood.
    """

    def __init__(self, console: Console[Said], events: Iterable[Event], say: Callable[[str], None]) -> None:
        self._console = console
        self._events = list(events)
        self._say = say
        self._elapsed = 0.0
        for event in self._events:
            try:
                console.check(event.command)
            except ConsoleError as error:
                raise ScriptError(f"line {event.line} of the script: {error}") from None

    def advance(self, seconds: float) -> list[Said]:
        """Lets time pass; returns what the machine sends meanwhile."""
        until = self._elapsed + seconds
        said: list[Said] = []
        while self._events and self._events[0].seconds <= until:
            event = self._events.pop(0)
            said += self._pass(event.seconds)
            self._do(event)
        return said + self._pass(until)

    def _pass(self, until: float) -> list[Said]:
        seconds, self._elapsed = until - self._elapsed, max(until, self._elapsed)
        return self._console.machine.advance(seconds) if seconds > 0 else []

    def _do(self, event: Event) -> None:
        try:
            answer = self._console.run(event.command)
        except LmdecodeError as error:
            answer = str(error)
        self._say(f"script: {event.command}" + (f": {answer}" if answer else ""))
