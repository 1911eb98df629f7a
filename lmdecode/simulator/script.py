"""Scripts: what happens to a simulated machine, and when.

# seconds from the start, or, with a plus, after the line before
2s       power on
+12.5s   shot 2
+1m      hot-water 8
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lmdecode.codec.errors import LmdecodeError

__all__ = ["Event", "ScriptError", "load_script", "parse_script"]

_MOST: Final = 8 << 20  # characters; /dev/zero has no end
_LINE: Final = re.compile(r"(?P<plus>\+?)(?P<number>\d{1,9}(?:\.\d{1,9})?)(?P<unit>s|m|h)?\s+(?P<command>\S.*)\Z").match
_SECONDS: Final = {None: 1, "s": 1, "m": 60, "h": 3600}


class ScriptError(LmdecodeError):
    """A script that cannot be used; one line that says why."""


@dataclass(frozen=True, slots=True)
class Event:
    """A command, and when it is to be done."""

    seconds: float
    """Of the machine's time, from the start."""
    command: str
    line: int
    """Its number in the script."""


def parse_script(text: str) -> list[Event]:
    """The events of a script, in the order of time.

    Raises:
        ScriptError: A line is none.

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
            raise ScriptError(f"line {number} is no time and command, such as +12.5s shot 2: {content[:40]!r}")
        seconds = float(match["number"]) * _SECONDS[match["unit"]] + (before if match["plus"] else 0.0)
        before = seconds
        events.append(Event(seconds, match["command"], number))
    return sorted(events, key=lambda event: event.seconds)


def load_script(path: Path) -> list[Event]:
    """Read a script; ScriptError if that cannot be done."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_MOST)
    except UnicodeDecodeError:
        raise ScriptError(f"{path} is not UTF-8 text") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise ScriptError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None
    if len(text) == _MOST:
        raise ScriptError(f"{path} is no script: it is far too long")
    try:
        return parse_script(text)
    except ScriptError as error:
        raise ScriptError(f"{path}: {error}") from None
