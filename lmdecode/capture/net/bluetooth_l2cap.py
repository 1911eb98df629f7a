"""Fragments of L2CAP, put together into ATT PDUs."""

from __future__ import annotations

from typing import Final

_HEADER: Final = 4
ATT: Final = 4
"""The channel that ATT has on Bluetooth Low Energy."""
_LONGEST: Final = 1 << 11  # bytes; ATT has at most 517, and what says that it has more is damaged


class Fragments:
    """The fragments of one side of one connection."""

    __slots__ = ("_data", "_wanted", "lost")

    def __init__(self) -> None:
        self._data = bytearray()
        self._wanted = 0  # bytes, of the PDU that is not whole, with its header
        self.lost = 0
        """Bytes of the last PDU that was given up, since it was never whole; set back by whoever tells of it."""

    @property
    def is_open(self) -> bool:
        """Whether a PDU has begun and is not whole."""
        return bool(self._wanted)

    def begin(self, data: bytes) -> bytes | None:
        """Take the first fragment of a PDU. Returns the ATT PDU if it is whole."""
        self.drop()
        if len(data) < _HEADER:
            # A header may be cut up as well; it goes on in the next fragment.
            self._wanted, self._data = _HEADER, bytearray(data)
            return None
        size = data[0] | data[1] << 8
        if data[2] | data[3] << 8 != ATT or size > _LONGEST:
            return None
        if len(data) >= _HEADER + size:
            return data[_HEADER : _HEADER + size]
        self._wanted, self._data = _HEADER + size, bytearray(data)
        return None

    def go_on(self, data: bytes) -> bytes | None:
        """Take a further fragment. Returns the ATT PDU that it completes."""
        if not self._wanted:
            return None  # of another channel, or of what began before the capture
        self._data += data
        if len(self._data) < self._wanted:
            return None
        whole = bytes(self._data)
        self._wanted = 0
        self._data.clear()
        return self.begin(whole)

    def drop(self) -> None:
        """Give up the PDU that is not whole, if there is one."""
        self.lost += max(0, self._wanted - len(self._data))
        self._wanted = 0
        self._data.clear()
