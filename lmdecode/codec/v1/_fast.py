"""The fast tier of v1: everything that exists for speed alone, behind one interface.

What it is for
--------------
Nearly every frame of a capture is *clean*: exactly one frame in its TCP segment, which decrypts to a message with a
right check byte, and whose window is known and holds no secret. For those, three things are done at once that the
general path does in steps, and everything else falls back to the general path (`decoder`, `message`, `window`). Without
this tier a real day takes twice as long to decode, and a dense capture three times.

The values of a clean message may be any: what is wrong with them goes with them. A firmware that nobody knows may send
with every message what no register allows, and must not be slow to read for that.

- `Predecoder` decrypts the frames of a few thousand segments with one call of the cipher, since the call costs ten
  times the decryption of one message. Every frame begins from the zero IV, so a block of zeros between two
  ciphertexts separates them in one CBC chain.
- `read_texts` looks up the first nine characters of a plaintext, kind and preamble. They imply how long the message
  is, whether it may hold a secret, and the function that reads its fields, which `_compiled` writes for each window.
  So one dictionary look-up stands for the parsing and all checks but two: the check byte, and that no letter is lower
  case.
- A `CleanSink` is given the plaintext, the fields and the problems of a clean message, and makes of them what is
  wanted: a Record, or a line of JSON without a Record. Of a clean message these three say everything.

What was measured
-----------------
How many times as long decoding to JSON Lines takes without a part, on an idle machine and beside a load that takes one
of its two cores. A part stays if that is 1.3 on something that owners do, and never below 0.95 beside a load.

==================  ====  ============  =============
without             day   dense, legal  dense, random
==================  ====  ============  =============
`batch`, idle       2.22  3.14          2.97
`batch`, loaded     2.25  3.21          2.81
`compiled`, idle    1.23  1.49          1.46
`compiled`, loaded  1.23  1.50          1.39
==================  ====  ============  =============

What was here and went: a second process that read ahead (0.67 of the time on dense legal data for 1.14 of the CPU, 1.00
on random data for 1.65, and slower on a busy machine), and a short way for frames that come one by one. The functions
of a window and their text of JSON were two parts: they pay together only. `python -m bench.parts --only day --only
dense` measures it all again, and docs/decisions/speed.md has the whole table, with quartiles.

What can go wrong
-----------------
Both ways must give the same for every frame that this one reads, or a message would mean something else in a capture
than on a live connection. Tests compare them for arbitrary plaintexts, streams and cuts. Where there is any doubt (a
status, a window that is too long) these functions return None rather than guess.

How to do without
-----------------
Only `decoder` and `conversation` call this module; `window` has its functions compiled by `_compiled`, and `_columns`
takes what bytes mean from there. Nothing else of the package imports either. `do_without` turns off what `PARTS` names,
for tests and measurements (by the environment variable of `lmdecode/_parts.py`): without `batch` every frame takes the
general path, and without `compiled` every window is read step by step, and a Record is made of every message. The
output is the same.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64, unhexlify
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar, cast
from zlib import adler32

from lmdecode.codec.dialect import FieldsAs, Place, Records, Sink
from lmdecode.codec.record import NO_EXTRA, Kind, Record, Role, Sender, Value
from lmdecode.codec.v1 import GENERATION
from lmdecode.codec.v1._compiled import OFF
from lmdecode.codec.v1.framing import END, START
from lmdecode.codec.v1.key import BLOCK_SIZE, Key
from lmdecode.codec.v1.message import HEADER, NO_FIELDS, SHORT, Header, Parsed, parse_leniently
from lmdecode.codec.v1.redaction import touches_secret
from lmdecode.codec.v1.window import Fields, quick_decoder

_REQUEST: Final = HEADER + 2  # characters of a message without data
_CACHE_SIZE: Final = 4096
_LONGEST_CLEAN: Final = 2 + len(b2a_base64(bytes(SHORT + BLOCK_SIZE), newline=False))  # of a frame


PARTS: Final = frozenset(("batch", "compiled"))
"""What `do_without` knows."""


def do_without(parts: Iterable[str]) -> None:
    """Turn some of `PARTS` off for the whole process, and the others on."""
    OFF.clear()
    OFF.update(parts)
    _reading.cache_clear()


CleanMessage = tuple[str, Mapping[str, Value] | str, tuple[str, ...], int, str, Header]
"""A clean message: its plaintext; its fields, or their JSON, or nothing if they are not wanted; what is wrong with its
values; the number of the key that decrypted it; its first nine characters, and what they say."""


class _Reading(NamedTuple):
    """How to read the messages that begin with the same nine characters."""

    size: int
    start: str
    window: Header
    decode: Callable[[bytes], tuple[Fields, tuple[str, ...]]]
    as_json: Callable[[bytes], tuple[str, tuple[str, ...]]]
    problems: Callable[[bytes], tuple[str, ...]]


_CHECKS = {b"%02X" % value: value for value in range(256)}


def read_text(plaintext: bytes, number: int, *, fields_as: FieldsAs) -> CleanMessage | None:
    """What a clean message, without secrets, says; None if it is anything else.

    Args:
        plaintext: Of a frame.
        number: Of the key that decrypted it.
        fields_as: The form in which their fields are wanted.

    >>> read_text(b"R401C000403BC04D8B6", 0, fields_as="json")[:3]
    ('R401C000403BC04D8B6', '{"coffee_temp":95.6,"steam_temp":124.0}', ())
    >>> read_text(b"R000000010235", 0, fields_as="json")[:3]
    ('R000000010235', '{}', ('power: 2 is neither 0 nor 1',))
    """
    return read_texts((plaintext,), number, fields_as=fields_as)[0]


def read_texts(plaintexts: Iterable[bytes], number: int, *, fields_as: FieldsAs) -> list[CleanMessage | None]:
    """What `read_text` returns for each of several plaintexts; a call for each would take a tenth of the time."""
    without_data: tuple[Mapping[str, Value] | str, tuple[str, ...]] = ("{}" if fields_as == "json" else NO_FIELDS), ()
    read: list[CleanMessage | None] = []
    for plaintext in plaintexts:
        reading = _reading(plaintext[:HEADER])
        # No letter is lower case, of which the first is one, and the check byte is right (see `check_byte`).
        if (
            reading is None
            or not plaintext.isupper()
            or _CHECKS.get(plaintext[-2:]) != adler32(plaintext[:-2]) - 1 & 0xFF
        ):
            read.append(None)
            continue
        size, start, window, decode, write_down, problems_in = reading
        fields, problems = without_data
        if size == len(plaintext):
            try:
                data = unhexlify(plaintext[HEADER:-2])
            except ValueError:
                read.append(None)
                continue
            if fields_as == "none":
                problems = problems_in(data)
            elif fields_as == "json":
                fields, problems = write_down(data)
            else:
                values, problems = decode(data)
                fields = MappingProxyType(values)
        elif len(plaintext) != _REQUEST or window.kind is not Kind.READ:
            read.append(None)
            continue
        read.append((plaintext.decode("ascii"), fields, problems, number, start, window))
    return read


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
    window = Header(message.kind, message.address, message.length)
    return _Reading(_REQUEST + 2 * message.length, start.decode("ascii"), window, *quick)


class Predecoder:
    """Reads clean frames of one key ahead, many at a time.

    Args:
        key: The machine's.
        number: Of the key, among several.
    """

    def __init__(self, key: Key, number: int) -> None:
        self._key = key
        self._number = number
        self._known: dict[bytes, CleanMessage | None] = {}
        self._fields_as: FieldsAs = "values"

    def predecode(
        self, pieces: Sequence[bytes], *, fields_as: FieldsAs, keep: Callable[[bytes, bytes], None] | None
    ) -> list[CleanMessage | None]:
        """Return for each piece what it says if it is exactly one clean frame, and None otherwise.

        Args:
            pieces: Pieces of the streams of any connections, in any order.
            fields_as: The form in which their fields are wanted.
            keep: Is given the body and the plaintext of each other frame, which need not be decrypted once more.
        """
        if "batch" in OFF:
            return [None] * len(pieces)
        fields_as = "values" if fields_as == "json" and "compiled" in OFF else fields_as
        if len(self._known) > _CACHE_SIZE or fields_as != self._fields_as:
            self._known.clear()
            self._fields_as = fields_as
        known = self._known
        new: list[bytes] = []
        ciphertexts: list[bytes] = []
        for piece in dict.fromkeys(pieces):
            if piece in known or len(piece) > _LONGEST_CLEAN:
                continue
            try:
                ciphertext = a2b_base64(piece[1:-1], strict_mode=True)
            except ValueError:
                continue
            if ciphertext and not len(ciphertext) % BLOCK_SIZE and piece[0] == START and piece[-1] == END:
                new.append(piece)
                ciphertexts.append(ciphertext)
        plaintexts = decrypt_many(self._key, ciphertexts)
        read = read_texts(plaintexts, self._number, fields_as=fields_as)
        known.update(zip(new, read, strict=True))
        if keep is not None and None in read:
            for piece, plaintext, found in zip(new, plaintexts, read, strict=True):
                if found is None:
                    keep(piece[1:-1], plaintext)
        return [*map(known.get, pieces)]


def decrypt_many(key: Key, ciphertexts: Sequence[bytes]) -> list[bytes]:
    """Decrypt several ciphertexts at once, each whole blocks and not empty: the same as `decrypt` of each.

    Calling the cipher costs ten times what it does for a message, so it is called once: with a block of zeros between
    one ciphertext and the next, which is to the next the zero IV. Takes a seventh of the time.

    >>> from lmdecode.codec.v1.key import encrypt
    >>> key = Key.parse("12345678901234567890123456789012")
    >>> decrypt_many(key, [encrypt(key, b"R40000020D8"), encrypt(key, b"R0310001DEB")])
    [b'R40000020D8', b'R0310001DEB']
    """
    joined = bytes(BLOCK_SIZE).join(ciphertexts)
    if not joined:
        return []
    chain = int.from_bytes(joined[:-BLOCK_SIZE], "big")
    blocks = int.from_bytes(key._ecb.decrypt(joined), "big")  # noqa: SLF001 -- see `decrypt`
    plain = (blocks ^ chain).to_bytes(len(joined), "big")
    plaintexts = []
    start = 0
    for ciphertext in ciphertexts:
        end = start + len(ciphertext)
        plaintexts.append(plain[start:end].rstrip(b"\0"))
        start = end + BLOCK_SIZE
    return plaintexts


T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class CleanSink(Sink[T_co], Protocol[T_co]):
    """A sink that takes clean messages without a Record of them."""

    def prepare_window(self, place: Place, sender: Sender, window: Header, role: Role) -> Any:  # noqa: ANN401 -- is only given back
        """Return what all messages of one window in one connection have in common, in the sink's own form."""

    def on_clean_message(  # noqa: PLR0917 -- one call a message, and names would cost more than all that it does
        self,
        time_ns: int,
        prepared: Any,  # noqa: ANN401 -- what `prepare_window` returned
        text: str,
        fields: Mapping[str, Value] | str,
        problems: tuple[str, ...],
        elapsed: float | None,
        machine: str | None,
        request: Any,  # noqa: ANN401 -- what the sink made of the request
    ) -> T_co:
        """Return what is made of a clean message, by its plaintext, its fields or their JSON, and its problems."""


class _CleanRecords(Records):
    """Makes the Records of clean messages."""

    def prepare_window(self, place: Place, sender: Sender, window: Header, role: Role) -> tuple[Any, ...]:
        """Return the fields of the Record from `stream` to `length`, and those from `generation` on."""
        kind, address, length = window
        stream, app, machine, capture, _ = place
        ends = (app, machine) if sender == "app" else (machine, app)
        return (stream, sender, *ends, kind, role, address, length), (GENERATION, capture)

    def on_clean_message(  # noqa: PLR0917 -- see `CleanSink`
        self,
        time_ns: int,
        prepared: tuple[Any, ...],
        text: str,
        fields: Mapping[str, Value] | str,
        problems: tuple[str, ...],
        elapsed: float | None,
        machine: str | None,
        request: Record | None,
    ) -> Record:
        """Return the Record of a clean message."""
        data = text[HEADER:-2].lower() or None
        head, tail = prepared
        about = (data, text, fields, None, elapsed, None, problems, machine)
        values = (time_ns, *head, *about, *tail, request, None, NO_EXTRA)
        return tuple.__new__(Record, values)  # a third of the time of calling it


_CLEAN_RECORDS: Final = _CleanRecords()


class _ThroughRecords(Generic[T]):
    """Hands a sink the Records of clean messages, though it could do without.

    Args:
        sink: Takes Records.
    """

    prepare_window = _CLEAN_RECORDS.prepare_window
    fields_as: FieldsAs = "values"

    def __init__(self, sink: Sink[T]) -> None:
        self.record = sink.record

    def on_clean_message(self, *message: Any) -> T:  # noqa: ANN401 -- see `CleanSink`
        """Return what the sink makes of the Record of a clean message."""
        make: Callable[..., Record] = _CLEAN_RECORDS.on_clean_message
        return self.record(make(*message[:-1], None))  # what the sink made of the request is no Record


def clean_sink(sink: Sink[T]) -> CleanSink[T] | None:
    """Return a sink's way to take clean messages, or None if it takes Records only."""
    if isinstance(sink, Records):
        return cast("CleanSink[T]", _CLEAN_RECORDS)
    if not hasattr(sink, "on_clean_message"):
        return None
    return _ThroughRecords(sink) if sink.fields_as == "json" and "compiled" in OFF else cast("CleanSink[T]", sink)
