"""`--bluetooth`, the option that has a value or none: which words after it can be one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_DEVICE: Final = re.compile(
    r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}"  # an address
    r"|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"  # what macOS has instead
    r"|(?:MICRA|MINI|GS3|LINEA)[A-Z0-9]{0,8}(?:[_-][A-Za-z0-9_-]{1,40})?"  # what a machine advertises
    r"|[A-Z]{2}[0-9]{5,6}"  # a serial number
).fullmatch


def is_device(word: str) -> bool:
    """Returns True if a word can only be a machine's name, serial number or address, and not a value's or setting's.

    >>> [is_device(each) for each in ("MICRA_MR012345", "MR012345", "A0:B1:C2:D3:E4:F5", "coffee_temp", "on", "93.5")]
    [True, True, True, False, False, False]
    """
    return _DEVICE(word) is not None


def with_value(arguments: Sequence[str], option: str) -> list[str]:
    """Returns a command line on which an option always has its value: the next word if that is a device, else "".

    >>> with_value(["send", "power", "on", "--bluetooth"], "--bluetooth")
    ['send', 'power', 'on', '--bluetooth=']
    """
    found: list[str] = []
    words = iter(enumerate(arguments))
    for place, word in words:
        if word == "--":
            return [*found, *arguments[place:]]
        if word != option:
            found.append(word)
            continue
        following = arguments[place + 1] if place + 1 < len(arguments) else ""
        if is_device(following):
            next(words)
        else:
            following = ""
        found.append(f"{option}={following}")
    return found
