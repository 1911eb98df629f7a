"""Messages of v1 without secrets, and their frames with the published key in place of the machine's.

A ciphertext cannot be posted: whoever finds the machine's key later, in another post or by asking the cloud, can read
it. So each frame is decrypted, its data are looked through by the memory map, and it is encrypted anew. A frame has as
many bytes as before, since a substitute in the memory has the length of what it stands for.
"""

from __future__ import annotations

import re
from typing import Final

from lmdecode.codec.v1.framing import wrap
from lmdecode.codec.v1.key import Key, encrypt
from lmdecode.codec.v1.message import Message, build
from lmdecode.codec.v1.register import Register
from lmdecode.codec.v1.window import registers_in
from lmdecode.redaction.substitutions import Kind, Substitutions, shaped

_KINDS: Final = {
    "module_ser_num": Kind.SERIAL,
    "machine_ser_num": Kind.SERIAL,
    "machine_name": Kind.NAME,
    "cloud_broker": Kind.TEXT,
}
"""The registers that say whose machine it is; those that the map marks as secret besides."""
_SERIAL: Final = re.compile(rb"(?:[A-Z]{2}|Sn)[0-9]{4,12}")
_TEXT: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9 ._@:/-]{5,}")
"""What looks like a text where the map knows nothing: six characters, which other bytes rarely are by chance."""


class Memory:
    """What becomes of messages about a machine's memory.

    Args:
        table: What stands for what; it grows.
        key: The published key, with which frames are encrypted.
    """

    def __init__(self, table: Substitutions, key: Key) -> None:
        self._table = table
        self._key = key
        self._whole: dict[tuple[str, int], tuple[bytes, bytes]] = {}

    def frame(self, machine: str, message: Message) -> bytes:
        """Return the frame of a message without secrets.

        Args:
            machine: Which one it is about: whatever tells it from others.
            message: A sound one.
        """
        return wrap(encrypt(self._key, build(self.message(machine, message))))

    def message(self, machine: str, message: Message) -> Message:
        """Return a message without secrets, with as many bytes."""
        if message.data is None:
            return message
        data = bytearray(message.data)
        known: set[int] = set()
        for row in registers_in(message.address, len(data)):
            known.update(range(row.address, row.end))
            kind = Kind.SECRET if row.secret else _KINDS.get(row.name or "")
            if kind is not None:
                self._replace(machine, row, kind, message.address, data)
        self._replace_texts(message.address, data, known)
        return message._replace(data=bytes(data))

    def _replace(self, machine: str, row: Register, kind: Kind, address: int, data: bytearray) -> None:
        start, end = max(row.address, address), min(row.end, address + len(data))
        here = slice(start - address, end - address)
        there = slice(start - row.address, end - row.address)
        piece = bytes(data[here])
        place = machine, row.address
        if len(piece) == row.end - row.address:
            self._whole[place] = piece, self._substitute(kind, piece)
        original, made = self._whole.get(place, (b"", b""))
        if piece != original[there] or not original:
            self._table.uses[kind] += 1
            made, there = _filler(piece), slice(None)
        data[here] = made[there]

    def _substitute(self, kind: Kind, value: bytes) -> bytes:
        """Return as many bytes as a value has: what pads it stays, and each text in it has its substitute."""
        changed = value
        for found in re.finditer(rb"[!-~](?:[ -~]*[!-~])?", value):
            text = found[0].decode("ascii")
            serial = _SERIAL.search(found[0])
            if kind is Kind.SERIAL and serial is not None:
                made = text[: serial.start()] + self._table.of(kind, serial[0].decode()) + text[serial.end() :]
            else:
                made = self._table.of(kind, text)
            changed = (
                changed[: found.start()] + made.encode()[: len(text)].ljust(len(text), b"\0") + changed[found.end() :]
            )
        return changed

    def _replace_texts(self, address: int, data: bytearray, known: set[int]) -> None:
        unknown = bytes(each if address + index not in known else 0 for index, each in enumerate(data))
        for found in _TEXT.finditer(unknown):
            made = self._table.of(Kind.TEXT, found[0].decode("ascii"))
            data[found.start() : found.end()] = made.encode()[: len(found[0])].ljust(len(found[0]), b"\0")


def _filler(piece: bytes) -> bytes:
    """Return what stands for a part of a value of which the rest is not known."""
    return shaped("part", piece.decode("latin-1")).encode("ascii", "replace")
