"""The handles of one device's attributes: learnt from discovery, given by the owner, or guessed from values.

An ATT PDU has handles, 16-bit numbers that the device gave its attributes. Which characteristic a handle is, an app
asks once, and then remembers it for years: most recordings have no discovery. So the owner may give a map, and what is
left is guessed from what the values look like.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from typing import Final

from lmdecode.codec.bluetooth.characteristics import (
    COMMAND,
    EVENT,
    NOTIFIED,
    OLD_LOGIN,
    QUERIES,
    READ,
    TOKEN,
    short_name,
)
from lmdecode.codec.errors import LmdecodeError

_DECLARATION: Final = "2803"
_SUBSCRIPTION: Final = "2902"
_NO_CHARACTERISTICS: Final = frozenset(("2800", "2801", "2802", _DECLARATION))
_SHORT_FORM, _LONG_FORM = 1, 2  # of Find Information: with UUIDs of 2 or of 16 bytes
_QUERY: Final = re.compile(rb"[A-Za-z]\w{2,40}\0\Z")
_COMMAND: Final = re.compile(rb'\{\s*"name"\s*:')
_LOGIN: Final = re.compile(rb"[A-Za-z0-9+/]{8,400}={0,2}@[A-Za-z0-9+/]{8,400}={0,2}\Z")
_TOKEN: Final = re.compile(rb"[\w+/=.-]{24,512}\Z")
_MOST: Final = 1 << 16
_MOST_GUESSED: Final = 32  # machines have some ten


class HandlesError(LmdecodeError):
    """A map of handles cannot be understood; one line that says why."""


class Handles:
    """Which characteristic each handle of a device is.

    Args:
        given: What the owner says, by handle.
    """

    def __init__(self, given: Mapping[int, str] | None = None) -> None:
        self._names = dict(given or {})
        self._given = frozenset(self._names)
        self._taken = set(self._names.values())
        self._order = sorted(self._names)  # the handles of characteristics
        self._subscriptions: set[int] = set()
        self.guessed: dict[int, str] = {}
        """What was guessed, by handle."""

    def name(self, handle: int) -> str | None:
        """Return the short name of a characteristic by the handle of its value; None if it is not known."""
        return self._names.get(handle) or self.guessed.get(handle)

    def subscribes(self, handle: int) -> str | None:
        """Return which characteristic a handle subscribes to, "" if nobody knows; None if it is no such handle."""
        if handle not in self._subscriptions:
            return None
        at = bisect_left(self._order, handle)
        return self._names[self._order[at - 1]] if at else ""

    def learn_declarations(self, size: int, items: bytes) -> None:
        """Learn from the answer to Read By Type for declarations: handle, properties, the value's handle, UUID."""
        for item in _items(items, size):
            if len(item) in {7, 21}:
                self._learn(int.from_bytes(item[3:5], "little"), item[5:])

    def learn_information(self, form: int, items: bytes) -> None:
        """Learn from the answer to Find Information: handles, each with its type."""
        sizes = {_SHORT_FORM: 4, _LONG_FORM: 18}
        for item in _items(items, sizes.get(form, 0)):
            handle, name = int.from_bytes(item[:2], "little"), short_name(item[2:])
            if name == _SUBSCRIPTION:
                self._subscriptions.add(handle)
            elif name not in _NO_CHARACTERISTICS:
                self._learn(handle, item[2:])

    def guess_written(self, handle: int, value: bytes) -> str | None:
        """Guess what a handle is from a value that an app wrote to it. Returns its name; None if nobody can tell."""
        if value[:1] == b"{" and _COMMAND.match(value):
            return self._guess(handle, COMMAND)
        if _QUERY.match(value) and (value[:-1].decode() in QUERIES or READ not in self.guessed.values()):
            return self._guess(handle, READ)
        if _LOGIN.match(value):
            return self._guess(handle, OLD_LOGIN)
        return self._guess(handle, TOKEN) if _TOKEN.match(value) else None

    def guess_notified(self, handle: int, value: bytes) -> str | None:
        """Guess what a handle is from what is notified of it."""
        return self._guess(handle, NOTIFIED) if EVENT.match(value) else None

    def _guess(self, handle: int, name: str) -> str | None:
        if name in self._taken or len(self.guessed) >= _MOST_GUESSED:  # that one is known to be another
            return None
        self.guessed[handle] = name
        return name

    def _learn(self, handle: int, uuid: bytes) -> None:
        if handle not in self._given and len(self._names) < _MOST:
            if handle not in self._names:
                insort(self._order, handle)
            self._names[handle] = name = short_name(uuid)
            self._taken.add(name)
            self.guessed.pop(handle, None)


class Device:
    """What is known of a device, whichever of its connections told it.

    Args:
        given: What the owner says of its handles.
    """

    def __init__(self, given: Mapping[int, str] | None = None) -> None:
        self.handles = Handles(given)
        self.serial: str | None = None
        """Its serial number."""


def _items(data: bytes, size: int) -> Iterator[bytes]:
    if size > 2:
        for at in range(0, len(data) - size + 1, size):
            yield data[at : at + size]


_SIGN: Final = re.compile(r"\s{0,40}([=:])\s{0,40}")
_PAIR: Final = re.compile(r"(?P<name>[0-9a-f]{4})(?:[0-9a-f-]{4,32})?[=:](?P<handle>0x[0-9a-f]{1,4}|[1-9]\d{0,4})\Z")


def parse_handles(text: str) -> dict[int, str]:
    """Return the handles that an owner gave.

    Args:
        text: Pairs of a characteristic and a handle, with commas, blanks or line ends between them.

    Raises:
        HandlesError: A pair cannot be understood.

    >>> parse_handles("0b0b=0x2b, 0a0b=0x29")
    {43: '0b0b', 41: '0a0b'}
    """
    found: dict[int, str] = {}
    lines = (line.partition("#")[0] for line in text.lower().splitlines())
    closed = _SIGN.sub(r"\1", " ".join(lines))
    for pair in closed.replace(",", " ").split():
        match = _PAIR.match(pair)
        handle = 0 if match is None else int(match["handle"], 0)
        if match is None or not 0 < handle < 1 << 16:
            raise HandlesError(
                f"{pair[:40]!r} is no handle of a characteristic: write it as 0b0b=0x2b, several with commas between"
            )
        found[handle] = match["name"]
    if not found:
        raise HandlesError("there is no handle in it: write 0b0b=0x2b for each, with commas between")
    return found
