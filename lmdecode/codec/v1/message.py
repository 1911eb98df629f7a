"""Messages, the plaintext of a frame: kind, address, length, data, check byte.

    R 401C 0004 03BC04D8 B6

The machine's API is peek and poke on one 16-bit address space; the eight digits of address and length are its
*preamble*. Source: lmdirect, and messages logged from real machines.
"""

from __future__ import annotations

import binascii
import re
import struct
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from lmdecode.codec.errors import MessageError
from lmdecode.codec.record import Kind, Value

ADDRESS_SPACE: Final = 0x10000
"""Bytes in the machine's memory."""
OK: Final = "OK"
"""Stands in place of the data when the machine has accepted a write. Anything else is a refusal."""

_PREAMBLE: Final = struct.Struct(">HH")
HEADER: Final = 9
"""Characters of kind and preamble, with which every message begins."""
SHORT: Final = 256
"""Bytes whose sum is certainly below Adler-32's modulus, 65,521."""
_UPPER_HEX: Final = re.compile(rb"(?:[0-9A-F]{2})*\Z").match
_STATUS: Final = re.compile(r"[!-~](?:[ -~]{0,14}[!-~])?\Z").match  # at most 16 characters


_LETTERS: Final = {Kind.READ: "R", Kind.WRITE: "W", Kind.STREAM: "Z"}
_KINDS: Final = {ord(letter): kind for kind, letter in _LETTERS.items()}


def letter_of(kind: Kind) -> str:
    """Return the first character of a message of a kind.

    >>> letter_of(Kind.STREAM)
    'Z'
    """
    return _LETTERS[kind]


class Header(NamedTuple):
    """What the first nine characters of a message say."""

    kind: Kind
    address: int
    length: int


class Message(NamedTuple):
    """One message. A tuple, as Record is, because one is made for every frame.

    `data` is None in a read request, and in a write's answer, which has a `status` instead. Only a message whose data
    is exactly `length` bytes can be built; a damaged one, read leniently, may have fewer or more.
    """

    kind: Kind
    address: int
    """First byte of the window, 0 to 0xFFFF."""
    length: int
    """Bytes in the window, 0 to 0xFFFF."""
    data: bytes | None = None
    status: str | None = None
    """In the answer to a write: "OK", or the text of the refusal."""

    @property
    def preamble(self) -> str:
        """Address and length as on the wire, eight hex digits."""
        return f"{self.address:04X}{self.length:04X}"

    @property
    def ok(self) -> bool | None:
        """True if the machine accepted the write, False if it refused; None if this is no answer to a write."""
        return None if self.status is None else self.status == OK


class Parsed(NamedTuple):
    """A plaintext as far as it can be read. `message` is None if not even kind and preamble can be."""

    message: Message | None
    problems: tuple[str, ...]
    check_ok: bool
    """True if the check byte is there and right. With a wrong key that happens once in some 65,000 frames."""


NO_FIELDS: Final[Mapping[str, Value]] = MappingProxyType({})


class Decoded(NamedTuple):
    """The content of one frame."""

    message: Message | None
    """None if not even kind and preamble can be read."""
    valid: bool
    """True if it is a message with a right check byte, which shows that the key is right."""
    data: str | None = None
    """Hex, with secrets masked."""
    plaintext: str | None = None
    """With secrets masked, and escapes for what is not printable ASCII. None if it is no text at all."""
    fields: Mapping[str, Value] = NO_FIELDS
    """Do not change them: equal messages share them."""
    problems: tuple[str, ...] = ()


def check_byte(body: bytes) -> int:
    """The sum of the ASCII codes of everything before it, modulo 256.

    >>> f"{check_byte(b'R40000020'):02X}"
    'D8'
    """
    if len(body) > SHORT:
        return sum(body) & 0xFF
    return zlib.adler32(body) - 1 & 0xFF  # its low half is 1 more than the sum, had several times as fast


def build(message: Message) -> bytes:
    r"""The plaintext of a message, with its check byte.

    >>> build(Message(Kind.READ, 0x4000, 0x20))
    b'R40000020D8'
    >>> build(Message(Kind.WRITE, 0x0000, 1, b"\x01"))
    b'W000000010139'

    Raises:
        MessageError: Address or length out of range, data that is not as long as `length` says, or a status that
            could not be read back.
    """
    _check_buildable(message)
    payload = message.status if message.data is None else message.data.hex().upper()
    body = f"{letter_of(message.kind)}{message.preamble}{payload or ''}".encode("ascii")
    return b"%b%02X" % (body, check_byte(body))


def parse(plaintext: bytes) -> Message:
    r"""Read a plaintext strictly: any problem is an error.

    >>> parse(b"R401C000403BC04D8B6")
    Message(kind=<Kind.READ: 'read'>, address=16412, length=4, data=b'\x03\xbc\x04\xd8', status=None)

    Raises:
        MessageError: Something is wrong. The message says the first such thing.
    """
    parsed = parse_leniently(plaintext)
    if parsed.problems or parsed.message is None:
        raise MessageError(parsed.problems[0])
    return parsed.message


def parse_leniently(plaintext: bytes) -> Parsed:
    """Read as much of a plaintext as possible, and say what is wrong with the rest. Never raises."""
    body, digits = plaintext[:-2], plaintext[-2:]
    check_ok = len(body) >= HEADER and digits == b"%02X" % (sum(body) & 0xFF)
    try:
        kind = _KINDS[body[0]]
        address, length = _PREAMBLE.unpack(binascii.unhexlify(body[1:HEADER]))
    except (LookupError, ValueError, struct.error):
        return Parsed(None, (_why_no_message(plaintext),), check_ok=False)
    problems = [] if check_ok else [_why_check_wrong(body, digits)]
    if not _UPPER_HEX(body[1:HEADER], 0):
        problems.append("lower-case digits in the preamble; machines write upper case")
    if address + length > ADDRESS_SPACE:
        problems.append(f"the window {address:04X}+{length:04X} runs past the end of memory (FFFF)")
    payload = body[HEADER:]
    message = _with_payload(kind, address, length, payload, problems)
    return Parsed(message, tuple(problems), check_ok)


def _with_payload(kind: Kind, address: int, length: int, payload: bytes, problems: list[str]) -> Message:
    if not payload:
        if kind is not Kind.READ:
            problems.append(f"a {kind} message without data")
        return Message(kind, address, length)
    data: bytes | None
    try:
        data = binascii.unhexlify(payload)
    except ValueError:
        data = None
    # "OK" is not hex; a refusal such as "EE" might be, but then it has not the length that the window says.
    if kind is Kind.WRITE and (data is None or (len(data) != length and len(payload) == 2)):
        text = payload.decode("ascii", "backslashreplace")
        if not _STATUS(text):
            data = _hex_prefix(payload)
            problems.append(_why_not_hex(data))
            return Message(kind, address, length, data or None)
        return Message(kind, address, length, status=text)
    if data is None:
        data = _hex_prefix(payload)
        problems.append(_why_not_hex(data))
        return Message(kind, address, length, data or None)
    if not _UPPER_HEX(payload):
        problems.append("lower-case digits in the data; machines write upper case")
    if len(data) != length:
        problems.append(f"the length says {_bytes(length)}, the message holds {_bytes(len(data))}")
    return Message(kind, address, length, data)


def _check_buildable(message: Message) -> None:
    for what, number in (("address", message.address), ("length", message.length)):
        if not 0 <= number < ADDRESS_SPACE:
            raise MessageError(f"the {what} must be 0 to 0xFFFF, not {number}")
    if message.address + message.length > ADDRESS_SPACE:
        raise MessageError(f"the window {message.preamble} runs past the end of memory (FFFF)")
    if message.status is not None:
        if message.kind is not Kind.WRITE or message.data is not None:
            raise MessageError("only the answer to a write has a status, and it has no data")
        if not _STATUS(message.status) or _reads_as_data(message):
            raise MessageError(f"the status {message.status!r} could not be read back as one")
    elif message.data is None:
        if message.kind is not Kind.READ:
            raise MessageError(f"a {message.kind} message needs data")
    elif not message.data or len(message.data) != message.length:
        raise MessageError(f"the length says {_bytes(message.length)}, the data has {_bytes(len(message.data))}")


def _reads_as_data(message: Message) -> bool:
    try:
        data = binascii.unhexlify(message.status or "")
    except ValueError:
        return False
    return len(data) == message.length or len(data) != 1


def _why_no_message(plaintext: bytes) -> str:
    if not plaintext.isascii() or not plaintext.decode("ascii").isprintable():
        return "does not decrypt to a message (wrong key, or a damaged frame)"
    text = plaintext.decode("ascii")
    if len(plaintext) < HEADER + 2:
        return f"too short for a message: {text!r}"
    if plaintext[0] not in _KINDS:
        return f"not a message: it begins with {text[0]!r}, not with R, W or Z"
    return f"not a message: {text[1:HEADER]!r} is not an address and a length"


def _why_check_wrong(body: bytes, digits: bytes) -> str:
    found = digits.decode("ascii", "backslashreplace")
    if not found.isprintable():  # an escape sequence must not reach a terminal
        found = found.encode("unicode_escape").decode("ascii")
    return f"check byte is {found}, should be {check_byte(body):02X}"


def _why_not_hex(prefix: bytes) -> str:
    return f"the data is not hexadecimal from digit {2 * len(prefix) + 1} on"


def _hex_prefix(payload: bytes) -> bytes:
    digits = re.match(rb"(?:[0-9A-Fa-f]{2})*", payload)
    return binascii.unhexlify(digits[0]) if digits else b""


def _bytes(count: int) -> str:
    return f"{count} byte" if count == 1 else f"{count} bytes"
