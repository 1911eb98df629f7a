"""What is said over Bluetooth, without secrets, as packets of HCI that are made anew.

What a recording says is what was written to a characteristic, read from it or notified. In a copy each of these is one
ATT PDU of its own: values that were read in pieces are whole, and the handles are those of the copy, which tells
them in a discovery at the beginning of each connection. So the copy decodes without a guess also where the original had
no discovery, and has no handle, device or address of the original.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable
from typing import Final

from lmdecode.codec.bluetooth.characteristics import (
    DEVICE_NAME,
    NAMES,
    NOTIFIED,
    OLD_LOGIN,
    PAIRING,
    SECRET,
    SERIAL_NUMBER,
    SUFFIX,
    TOKEN,
)
from lmdecode.codec.bluetooth.conversation import ERRORS
from lmdecode.redaction.copyist import Attribute, Copy, Radio
from lmdecode.redaction.substitutions import Kind
from lmdecode.redaction.values import Values

_MTU: Final = 517
_LONGEST: Final = 512  # bytes of a value
_MOST_BY_TYPE: Final = 253  # bytes of a value that is read by its type
_FIRST: Final = 0x10
_HANDLES: Final = {name: _FIRST + 4 * number for number, name in enumerate(sorted(NAMES))}
"""The handles of the declarations; the value's is the next one, and the subscription's the one after that."""
_SUBSCRIPTION: Final = b"\x02\x29"
_HANDLES_OF_HCI: Final = 0xF00  # of connections
_CODES: Final = {why: code for code, why in ERRORS.items()}
_UNLIKELY: Final = 0x0E

HOST_COMMAND, TO_RADIO, FROM_RADIO, HOST_EVENT = 1, 2, 3, 4
"""What a packet is: a command, data of the host, data of the radio, an event."""


class Attributes:
    """What becomes of the values of characteristics.

    Args:
        values: What becomes of the values in them.
    """

    def __init__(self, values: Values) -> None:
        self._values = values

    def value(self, name: str, value: bytes) -> bytes | None:  # noqa: PLR0911 -- one kind after the other
        """Return a value without secrets; None if nobody knows what it is.

        Args:
            name: The short name of its characteristic.
            value: The whole value.
        """
        if name not in NAMES or len(value) > _LONGEST:
            return None
        text, nul, rest = value.partition(b"\0")
        end = nul + bytes(len(rest))
        if len(value) <= 1:
            return value
        try:
            said = text.decode()
        except UnicodeDecodeError:
            if name not in SECRET:
                return None
            return self._values.secret(text.decode("latin-1")).encode("ascii", "replace") + end
        if name == OLD_LOGIN:
            return self._login(said).encode() + end
        if name in {PAIRING, TOKEN}:
            return self._values.secret(said).encode() + end
        if name == SERIAL_NUMBER:
            return self._values.table.of(Kind.SERIAL, said).encode() + end
        if name == DEVICE_NAME:
            return self._values.name(said).encode() + end
        if said.lstrip()[:1] in {"{", "[", '"'}:
            return self._values.document(said).encode() + end
        return self._values.text(NAMES[name], said).encode() + end

    def _login(self, text: str) -> str:
        """Return a login of gateway v3 with another owner: base64 of user:serial, @, base64 of the key."""
        table = self._values.table
        who, at, key = text.partition("@")
        try:
            user, colon, serial = base64.b64decode(who, validate=True).decode().rpartition(":")
            secret = base64.b64decode(key, validate=True).decode("latin-1")
        except (ValueError, binascii.Error):
            return table.of(Kind.SECRET, text)
        owner = f"{table.of(Kind.EMAIL, user)}{colon}{table.of(Kind.SERIAL, serial)}"
        made = table.of(Kind.SECRET, secret).encode("latin-1", "replace")
        return f"{base64.b64encode(owner.encode()).decode()}{at}{base64.b64encode(made).decode()}"


class RadioCopy(Copy):
    """Writes Bluetooth connections as packets of HCI.

    Args:
        write: Takes the time in nanoseconds since 1970, what the packet is, and the packet without that.
    """

    def __init__(self, write: Callable[[int, int, bytes], None]) -> None:
        self._write = write
        self._open: set[int] = set()
        self._asked: dict[int, set[str]] = {}

    def attribute(self, radio: Radio, time_ns: int, said: Attribute) -> bool:
        """Write what was said of a characteristic."""
        if radio.number not in self._open:
            self._begin(radio, time_ns)
        declared = _HANDLES.get(said.name)
        handle = 0 if declared is None else declared + 1
        asked = self._asked.setdefault(radio.number, set())
        if said.what == "asked":
            asked.add(said.name)
            self._att(radio, time_ns, "app", struct.pack("<BH", 0x0A, handle))
        elif said.what == "answered" and said.name in asked:
            asked.discard(said.name)
            self._att(radio, time_ns, "machine", b"\x0b" + said.value)
        elif said.what == "answered":
            value = said.value[:_MOST_BY_TYPE]
            if len(value) < len(said.value):
                return False
            self._att(radio, time_ns, "app", struct.pack("<BHH", 0x08, handle, handle) + _uuid(said.name))
            self._att(radio, time_ns, "machine", struct.pack("<BBH", 0x09, len(value) + 2, handle) + value)
        elif said.what == "wrote":
            self._att(radio, time_ns, "app", struct.pack("<BH", 0x12, handle) + said.value)
        elif said.what == "subscribed":
            place = (_HANDLES[NOTIFIED] if declared is None else declared) + 2
            self._att(radio, time_ns, "app", struct.pack("<BH", 0x12, place) + said.value)
        elif said.what == "accepted":
            self._att(radio, time_ns, "machine", b"\x13")
        elif said.what == "refused":
            asked.discard(said.name)
            code = _CODES.get(said.why, _UNLIKELY)
            self._att(radio, time_ns, "machine", struct.pack("<BBHB", 1, 0x12 if said.wrote else 0x0A, handle, code))
        else:
            self._att(radio, time_ns, "machine", struct.pack("<BH", 0x1B, handle) + said.value)
        return True

    def _begin(self, radio: Radio, time_ns: int) -> None:
        self._open.add(radio.number)
        own, other = (_octets(each) for each in (radio.app, radio.machine))
        if own is not None:  # the answer to the command that reads the radio's address
            self._write(time_ns, HOST_EVENT, b"\x0e\x0a\x01\x09\x10\x00" + own)
        name = radio.name.encode()[:20]
        if name and other is not None:
            data = bytes([len(name) + 1, 9]) + name
            self._write(time_ns, HOST_EVENT, _meta(b"\x02\x01\x00\x01" + other + bytes([len(data)]) + data + b"\xc4"))
        if other is not None:
            place = struct.pack("<BBHBB", 1, 0, radio.number % _HANDLES_OF_HCI, 0, 1)
            self._write(time_ns, HOST_EVENT, _meta(place + other + struct.pack("<HHHB", 24, 0, 500, 0)))
        self._att(radio, time_ns, "app", struct.pack("<BH", 2, _MTU))
        self._att(radio, time_ns, "machine", struct.pack("<BH", 3, _MTU))
        for each, declared in _HANDLES.items():
            self._att(radio, time_ns, "app", struct.pack("<BHHH", 8, declared, declared, 0x2803))
            item = struct.pack("<HBH", declared, 0x1A, declared + 1) + _uuid(each)
            self._att(radio, time_ns, "machine", bytes([9, len(item)]) + item)
            self._att(radio, time_ns, "app", struct.pack("<BHH", 4, declared + 2, declared + 2))
            self._att(radio, time_ns, "machine", struct.pack("<BBH", 5, 1, declared + 2) + _SUBSCRIPTION)

    def _att(self, radio: Radio, time_ns: int, sender: str, pdu: bytes) -> None:
        frame = struct.pack("<HH", len(pdu), 4) + pdu
        is_app = sender == "app"
        flag = 0 if is_app else 2  # how a host begins a PDU, and how a radio does
        head = struct.pack("<HH", radio.number % _HANDLES_OF_HCI | flag << 12, len(frame))
        self._write(time_ns, TO_RADIO if is_app else FROM_RADIO, head + frame)


def _meta(event: bytes) -> bytes:
    return bytes([0x3E, len(event)]) + event


def _octets(address: str) -> bytes | None:
    """Return an address as packets have it, the last byte first; None if the text is not an address."""
    try:
        found = bytes.fromhex(address.replace(":", ""))
    except ValueError:
        return None
    return found[::-1] if len(found) == 6 else None


def _uuid(name: str) -> bytes:
    if name.startswith("2a"):
        return bytes.fromhex(name)[::-1]
    return bytes.fromhex(f"{name}{SUFFIX.replace('-', '')}")[::-1]


_EPOCH_US: Final = 0x00DCDDB30F2F8000
"""1970 in microseconds since the year 0, as btsnoop counts them."""
_H4: Final = {HOST_COMMAND: 1, TO_RADIO: 2, FROM_RADIO: 2, HOST_EVENT: 4}
_FLAGS: Final = {HOST_COMMAND: 2, TO_RADIO: 0, FROM_RADIO: 1, HOST_EVENT: 3}
_OF_PACKET_LOGGER: Final = {HOST_COMMAND: 0, HOST_EVENT: 1, TO_RADIO: 2, FROM_RADIO: 3}


def btsnoop(write: Callable[[bytes], object]) -> Copy:
    """Return what writes a btsnoop file, with the kind of each packet before it (H4)."""
    write(struct.pack(">8sII", b"btsnoop\0", 1, 1002))

    def packet(time_ns: int, kind: int, data: bytes) -> None:
        size = len(data) + 1
        head = struct.pack(">IIIIQ", size, size, _FLAGS[kind], 0, max(0, time_ns // 1000 + _EPOCH_US))
        write(head + bytes([_H4[kind]]) + data)

    return RadioCopy(packet)


def packet_logger(write: Callable[[bytes], object]) -> Copy:
    """Return what writes a file as PacketLogger does."""

    def packet(time_ns: int, kind: int, data: bytes) -> None:
        seconds, microseconds = divmod(time_ns // 1000, 1_000_000)
        head = struct.pack(">IIIB", len(data) + 9, seconds & 0xFFFFFFFF, microseconds, _OF_PACKET_LOGGER[kind])
        write(head + data)

    return RadioCopy(packet)


HCI_WITH_DIRECTION: Final = 201
"""The link type of what `with_direction` returns."""


def with_direction(kind: int, data: bytes) -> bytes:
    """Return a packet of HCI as captures have it: with its direction and its kind before it."""
    return struct.pack(">IB", 0 if kind in {HOST_COMMAND, TO_RADIO} else 1, _H4[kind]) + data
