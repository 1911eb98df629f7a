"""The items of a JSON list, one at a time, from a file of any size.

An export can be larger than the memory, so the list cannot be parsed as a whole, and ijson, which parses a stream,
takes 7.5 s for 450 MB. tshark's layout gives a faster way, in 2.2 s: a packet is an object indented by two
blanks, and no line can begin inside a JSON string, so where a line says `  },` a packet's text ends. Each text is then
parsed by orjson.

ijson still reads whatever has another layout, and the place where a file is damaged. Both ways give the same items,
since a text counts as an item only if it is a whole JSON value by itself; a test damages exports anywhere and compares.

Hostile files, and large ones: no item is collected beyond `LONGEST`, since what is made of it takes up to 25 times as
much memory. In tshark's layout such an item is passed over; ijson cannot do that, and reading ends there. Nesting is
followed to a depth of 100 only, since ijson's time grows with the square of it. Numbers become floats: of an integer
ijson's C library makes one of Python's, and where Python refuses to, for more than 4,300 digits, the process dies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import accumulate
from typing import Any, Final

from orjson import loads

from lmdecode.capture.source import LONGEST, TextInput

SKIPPED: Final = object()
"""In place of an item that `is_wanted` refused."""
LONG: Final = object()
"""In place of an item that is too long to be read."""

_MAX_DEPTH: Final = 100  # a packet's layers and fields are nested some ten deep
_ITEM_DEPTH: Final = 1  # the list's own
_NO_MARKS: Final = bytes(sorted(set(range(256)) - set(b'[]{}"')))
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_LAYOUT: Final = re.compile(rb"\[\r?\n  \{\r?\n")
_LAYOUT_SIZE: Final = 8
# Wireshark 2 put the comma on a line of its own. A longer separator is found faster, so the first words of the next
# packet are part of it.
_SEPARATOR: Final = re.compile(rb'(\r?\n  \})(?:\r?\n  )?,\r?\n(  \{\r?\n    "_index": ")?')


class BrokenJsonError(Exception):
    """The text is not JSON from here on, or ends too early."""


class DeepJsonError(BrokenJsonError):
    """The text is nested more deeply than any export."""


class LongJsonError(BrokenJsonError):
    """An item has no end, or one that is too far away, or something in it is too long."""


_SEPARATOR_SIZE: Final = 64  # bytes; it has at most 40


def read_items(source: TextInput, is_wanted: Callable[[bytes], bool]) -> Iterator[list[Any]]:
    """The items of the list, in order, as many at a time as one read brought.

    Args:
        source: At the beginning of the list.
        is_wanted: Called with an item's text. If it returns False, the text is not parsed, and SKIPPED comes in place
            of the item. It is not called for items that ijson reads.

    Raises:
        BrokenJsonError: After all items before the break.
    """
    text = b""
    while len(text) < _LAYOUT_SIZE:
        block = source.read()
        if not block:
            break
        text += block
    if not _LAYOUT.match(text):
        yield from _read_strictly(text, source)
        return
    texts = _Texts()
    while text:
        items: list[Any] = []
        found = texts.cut(text)
        for index, each in enumerate(found):
            if each is None:
                items.append(LONG)
                continue
            try:
                items.append(loads(each) if is_wanted(each) else SKIPPED)
            except ValueError:
                alone = _read_alone(each)
                if alone is None:
                    yield items
                    yield from _read_on(texts.rest(found[index:]), source)
                    return
                items += alone
        yield items
        text = b"" if texts.is_long else source.read()
    if texts.are_cut:
        yield from _read_on(texts.rest(), source)
    else:
        yield from _read_strictly(texts.rest(), source)


class _Texts:
    """Cuts blocks of a file into the texts of packets."""

    def __init__(self) -> None:
        self._rest = self._separator = self._start = self._end = b""
        self._looked = 0  # how far the text is known to have no separator
        self._is_dropping = False  # the beginning of the next text is gone, since it is too long

    @property
    def are_cut(self) -> bool:
        """True if a separator was found, so that there is more than one text."""
        return bool(self._separator)

    @property
    def is_long(self) -> bool:
        """True if the first text is longer than may be collected, so that no separator was found."""
        return not self._separator and len(self._rest) > LONGEST

    def cut(self, block: bytes) -> list[bytes | None]:
        """Take the next block. Returns the texts that have a separator behind them; None in place of a long one."""
        self._rest += block
        if not self._separator and not self._find_separator():
            return []
        *texts, self._rest = self._rest.split(self._separator)
        start, end = self._start, self._end
        found: list[bytes | None] = [start + text + end for text in texts]
        if texts and self._is_dropping:
            found[0] = None
            self._is_dropping = False
        if len(self._rest) > LONGEST:
            self._rest = self._rest[-len(self._separator) :]  # it may have the first part of a separator
            self._is_dropping = True
        return found

    def rest(self, texts: Sequence[bytes | None] = ()) -> bytes:
        """The text that was not returned yet, behind texts that were and are to be read again."""
        rest = b'{"long": 0}' if self._is_dropping else self._start + self._rest
        return b",".join([*(each or b'{"long": 0}' for each in texts), rest])

    def _find_separator(self) -> bool:
        found = _SEPARATOR.search(self._rest, self._looked)
        if found is None:
            self._looked = max(len(self._rest) - _SEPARATOR_SIZE, 0)
            return False
        self._separator, self._start, self._end = found[0], found[2] or b"", found[1]
        self._rest = self._rest[1:].lstrip(b"\r\n")  # without the list's own bracket
        if self._rest.startswith(self._start):
            self._rest = self._rest[len(self._start) :]
        else:
            self._separator, self._start = self._separator.removesuffix(self._start), b""
        return True


def _read_on(text: bytes, source: TextInput) -> Iterator[list[Any]]:
    """The list's remaining items, by ijson, from the text behind a comma."""
    items = _read_strictly(b"[0," + text, source)  # an item before the comma, so that `,]` is an error
    next(items)
    yield from items


def _read_alone(text: bytes) -> list[Any] | None:
    """The items in a text, by ijson; None if it is not whole JSON values."""
    try:
        return [item for items in _read_strictly(b"[%b]" % text) for item in items]
    except BrokenJsonError:
        return None


def _read_strictly(text: bytes, source: TextInput | None = None) -> Iterator[list[Any]]:
    """The items of a list of any layout, by ijson, one at a time.

    Raises:
        BrokenJsonError: After all items before the break.
    """
    import ijson  # noqa: PLC0415 -- it takes 20 ms, and ordinary exports do without

    try:
        for item in ijson.items(_ShallowText(text, source), "item", use_float=True):
            yield [item]
    except (ijson.JSONError, UnicodeError, RecursionError, ArithmeticError) as error:
        if "overflow" in str(error):  # what is behind it might be good JSON, but cannot be had from this parser
            raise LongJsonError("a number has too many digits") from None
        raise BrokenJsonError("the JSON is damaged") from None  # what ijson says quotes the text


class _ShallowText:
    """A file object of a text and then the rest of a file.

    Raises DeepJsonError where it is nested too deeply, and LongJsonError where no item ended in the last `LONGEST`
    bytes.
    """

    def __init__(self, text: bytes, source: TextInput | None) -> None:
        self._file = BytesIO(text)
        self._source = source
        self._depth = 0
        self._since_item = 0  # bytes, about, since the end of an item
        self._in_string = self._is_escaped = False

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        if not data and size and self._source is not None:
            data = self._source.read(size)
        depths = list(accumulate(map(_STEPS.__getitem__, self._brackets(data)), initial=self._depth))
        if max(depths) > _MAX_DEPTH:
            raise DeepJsonError
        self._depth = depths[-1]
        self._since_item = len(data) if min(depths) <= _ITEM_DEPTH else self._since_item + len(data)
        if self._since_item > LONGEST:
            raise LongJsonError(f"an item is longer than {LONGEST >> 20} MB")
        return data

    def _brackets(self, data: bytes) -> bytes:
        """The brackets outside of strings."""
        if self._is_escaped:
            data = data[1:] if data else data
            self._is_escaped = False
        if b"\\" in data:
            data = data.replace(b"\\\\", b"")
            self._is_escaped = data.endswith(b"\\")
            data = data.replace(b'\\"', b"")
        marks = data.translate(None, _NO_MARKS)
        # Two quotes with no bracket between them change nothing, and nearly all are such.
        parts = marks.replace(b'""', b"").split(b'"')
        outside = parts[self._in_string :: 2]
        self._in_string ^= not len(parts) % 2
        return b"".join(outside)
