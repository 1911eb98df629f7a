"""The fast path: a faultless message, taken apart in one go.

Nearly every frame is faultless, and its first nine characters, kind and preamble, tell all that is to know about how to
read it: that is looked up, not parsed, so one dictionary look-up stands for the parsing, the checks of the window, the
plan of its fields and whether it touches a secret. Everything else (a wrong check byte, a status, lower case, a length
that does not fit, a value that is none) comes back as None, and the general path in `decoding` says what is wrong. Both
must give the same for what they both read; a test compares them.

Of a faultless message its text and its fields say all, so for captures, where millions come, nothing more is made than
these two, in a plain tuple; and the fields as JSON, where they are only to be written down or handed to another
process.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol, TypeVar
from zlib import adler32

import orjson

from lmdecode.codec.record import Record, Role, Sender
from lmdecode.codec.v1.message import NO_FIELDS, SHORT, Decoded, Kind, Message, Parsed, parse_leniently
from lmdecode.codec.v1.redaction import touches_secret
from lmdecode.codec.v1.values import Value
from lmdecode.codec.v1.window import Fields, quick_decoder

HEADER: Final = 9
"""Characters of kind and preamble."""
_REQUEST: Final = HEADER + 2  # characters of a message without data


Faultless = tuple[str, Mapping[str, Value] | str, int]
"""A faultless message: its plaintext; its fields, or their JSON; the number of the key that decrypted it."""


class Window(NamedTuple):
    """What the first nine characters of a faultless message say."""

    kind: Kind
    address: int
    length: int


class _Reading(NamedTuple):
    """How to read the messages that begin with the same nine characters."""

    size: int
    window: Window
    decode: Callable[[bytes], Fields]
    as_json: Callable[[bytes], str]


_CHECKS = {b"%02X" % value: value for value in range(256)}


def read_faultless(plaintext: bytes) -> Decoded | None:
    """What a faultless message with data, and without secrets, says; None if it is anything else.

    >>> dict(read_faultless(b"R401C000403BC04D8B6").fields)
    {'coffee_temp': 95.6, 'steam_temp': 124.0}
    """
    reading = _reading(plaintext[:HEADER])
    if reading is None or reading.size != len(plaintext) or not _is_sound(plaintext):
        return None
    try:
        data = unhexlify(plaintext[HEADER:-2])
        fields = reading.decode(data)
    except (LookupError, ValueError):
        return None
    text = plaintext.decode("ascii")
    message = tuple.__new__(Message, (*reading.window, data, None))  # a third of the time of calling it
    return tuple.__new__(Decoded, (message, True, data.hex(), text, MappingProxyType(fields), ()))


def read_text(plaintext: bytes, number: int, *, as_json: bool) -> Faultless | None:
    """The same, and read requests, as no more than what `ConversationOf.receive` needs.

    Args:
        plaintext: Of a frame.
        number: Of the key that decrypted it.
        as_json: Whether the fields are wanted as JSON.

    >>> read_text(b"R401C000403BC04D8B6", 0, as_json=True)
    ('R401C000403BC04D8B6', '{"coffee_temp":95.6,"steam_temp":124.0}', 0)
    """
    reading = _reading(plaintext[:HEADER])
    if reading is None or not _is_sound(plaintext):
        return None
    size, window, decode, write_down = reading
    if size != len(plaintext):
        if len(plaintext) != _REQUEST or window.kind is not Kind.READ:
            return None
        return plaintext.decode("ascii"), "{}" if as_json else NO_FIELDS, number
    try:
        data = unhexlify(plaintext[HEADER:-2])
        fields = write_down(data) if as_json else MappingProxyType(decode(data))
    except (LookupError, ValueError):
        return None
    return plaintext.decode("ascii"), fields, number


@lru_cache(maxsize=4096)
def window_of(start: str) -> Window:
    """What the first nine characters of a message that `read_text` read say."""
    reading = _reading(start.encode("ascii"))
    if reading is None:
        raise ValueError(f"not the start of a faultless message: {start!r}")
    return reading.window


def _is_sound(plaintext: bytes) -> bool:
    """Whether no letter is lower case, of which the first is one, and the check byte is right (see `check_byte`)."""
    return plaintext.isupper() and _CHECKS.get(plaintext[-2:]) == adler32(plaintext[:-2]) - 1 & 0xFF


@lru_cache(maxsize=4096)
def _reading(start: bytes) -> _Reading | None:
    parsed: Parsed = parse_leniently(start + b"--")
    message = parsed.message
    if (
        message is None
        or not 0 < message.length <= (SHORT - HEADER) // 2
        or touches_secret(message.address, message.length)
    ):
        return None
    if any("window" in problem or "lower" in problem for problem in parsed.problems):
        return None
    quick = quick_decoder(message.address, message.length, written=message.kind is Kind.WRITE)
    if quick is None:
        return None
    window = Window(message.kind, message.address, message.length)
    return _Reading(_REQUEST + 2 * message.length, window, quick.fields, quick.json)


T_co = TypeVar("T_co", covariant=True)


class Maker(Protocol[T_co]):
    """Makes something of each message."""

    as_json: bool
    """Whether it is best told the fields as JSON."""

    def same(  # noqa: PLR0917 -- as a Record has them
        self, stream: int, sender: Sender, source: str, destination: str, window: Window, role: Role
    ) -> Any:  # noqa: ANN401 -- is only given back
        """What all messages of one window in one connection have in common, in whatever form `faultless` likes it."""

    def faultless(  # noqa: PLR0917 -- one call a message, and names would cost more than all that it does
        self,
        time_ns: int,
        same: Any,  # noqa: ANN401 -- what `same` gave
        text: str,
        fields: Mapping[str, Value] | str,
        elapsed: float | None,
        machine: str | None,
    ) -> T_co:
        """What is made of a faultless message, by its plaintext and its fields or their JSON."""

    def record(self, record: Record) -> T_co:
        """What is made of anything else, or of a Record that is there already."""


class Records:
    """Makes Records."""

    as_json = False

    def same(  # noqa: PLR0917 -- see `Maker`
        self, stream: int, sender: Sender, source: str, destination: str, window: Window, role: Role
    ) -> tuple[object, ...]:
        """The fields of the Record from `stream` to `length`."""
        kind, address, length = window
        return stream, sender, source, destination, kind, role, address, length

    def faultless(  # noqa: PLR0917 -- see `Maker`
        self,
        time_ns: int,
        same: tuple[object, ...],
        text: str,
        fields: Mapping[str, Value] | str,
        elapsed: float | None,
        machine: str | None,
    ) -> Record:
        """The Record of a faultless message."""
        data = text[HEADER:-2].lower() or None
        if isinstance(fields, str):
            fields = NO_FIELDS if data is None else JsonFields(fields)
        # `tuple.__new__` takes a third of the time of calling it.
        return tuple.__new__(Record, (time_ns, *same, data, text, fields, None, elapsed, None, (), machine))

    def record(self, record: Record) -> Record:
        """Itself."""
        return record


RECORDS: Final = Records()


class JsonFields(Mapping[str, Value]):
    """Named values out of a JSON object, which is not read before somebody asks for one.

    >>> JsonFields('{"coffee_temp":95.6}')["coffee_temp"]
    95.6
    """

    __slots__ = ("_values", "json")
    _values: dict[str, Value]

    def __init__(self, json: str) -> None:
        self.json = json
        """The object as it came."""

    def copy(self) -> dict[str, Value]:
        """All of them."""
        return dict(self._read())

    def _read(self) -> dict[str, Value]:
        try:
            return self._values
        except AttributeError:  # the first time
            values: dict[str, Value] = orjson.loads(self.json)
            self._values = values
            return values

    def __getitem__(self, name: str) -> Value:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return repr(self._read())
