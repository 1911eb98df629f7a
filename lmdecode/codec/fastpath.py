"""The fast path: a faultless message, taken apart in one go.

Nearly every frame is faultless, and its first nine characters, kind and preamble, tell all that is to know about how to
read it: that is looked up, not parsed, so one dictionary look-up stands for the parsing, the checks of the window, the
plan of its fields and whether it touches a secret. Everything else (a wrong check byte, a status, lower case, a length
that does not fit, a value that is none) comes back as None, and the general path in `decoding` says what is wrong. Both
must give the same for what they both read; a test compares them.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple
from zlib import adler32

from lmdecode.codec.decoded import Decoded
from lmdecode.codec.fields import Fields, quick_decoder
from lmdecode.codec.message import SHORT, Kind, Message, Parsed, parse_leniently
from lmdecode.codec.secrecy import touches_secret

__all__ = ["read_faultless"]


class _Reading(NamedTuple):
    """How to read the messages that begin with the same nine characters."""

    size: int
    kind: Kind
    address: int
    length: int
    decode: Callable[[bytes], Fields]


_CHECKS = {b"%02X" % value: value for value in range(256)}


def read_faultless(plaintext: bytes) -> Decoded | None:
    """What a faultless message with data, and without secrets, says; None if it is anything else.

    >>> dict(read_faultless(b"R401C000403BC04D8B6").fields)
    {'coffee_temp': 95.6, 'steam_temp': 124.0}
    """
    reading = _reading(plaintext[:9])
    if reading is None:
        return None
    size, kind, address, length, decode = reading
    if (
        size != len(plaintext)
        or not plaintext.isupper()  # the first letter is one, so no other is lower
        or _CHECKS.get(plaintext[-2:]) != adler32(plaintext[:-2]) - 1 & 0xFF  # see `check_byte`
    ):
        return None
    try:
        data = unhexlify(plaintext[9:-2])
        fields = decode(data)
    except (LookupError, ValueError):
        return None
    text = plaintext.decode("ascii")
    message = tuple.__new__(Message, (kind, address, length, data, None))  # a third of the time of calling it
    return tuple.__new__(Decoded, (message, True, data.hex(), text, MappingProxyType(fields), ()))


@lru_cache(maxsize=4096)
def _reading(start: bytes) -> _Reading | None:
    parsed: Parsed = parse_leniently(start + b"--")
    message = parsed.message
    if message is None or not 0 < message.length <= (SHORT - 9) // 2 or touches_secret(message.address, message.length):
        return None
    if any("window" in problem or "lower" in problem for problem in parsed.problems):
        return None
    decode = quick_decoder(message.address, message.length, written=message.kind is Kind.WRITE)
    if decode is None:
        return None
    return _Reading(9 + 2 * message.length + 2, message.kind, message.address, message.length, decode)
