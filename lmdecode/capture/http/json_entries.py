"""Splits JSON of any size into the objects that can be a recorded request, and parses only one of them at a time.

A parser of whole documents has no bound: a string of 400 MB, a million brackets or a number of 4,301 digits make it
slow, large or crash. So only brackets and strings are looked for here, each byte once. What is a JSON object then goes
to a strict parser, if it is not larger and has not more parts than a recorded request can have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import orjson

LARGEST: Final = 32 << 20  # bytes of a request with its answer, or of a WebSocket that is open for days
_MOST_PARTS: Final = 300_000  # brackets and strings in one; as objects they take some 50 MB
_NAME: Final = 16  # bytes of a string that are kept, to know it as a name
_ENTRIES: Final = b"entries"
_DEEPEST: Final = 4  # where the list of requests may be: {"log": {"entries": [, or a list of such

_TOKEN = re.compile(rb'["\[\]{}]').search
# Possessive, as it is never right to go back; each repetition takes a backslash or none, so it is linear.
_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL).match
# One that is cut off goes up to the end, or each quote in it would be looked at as the beginning of another.
_WHOLE_STRINGS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL).sub
# Within an object: everything up to a bracket that is not of an object without others in it, such as a header.
_PLAIN: Final = rb'[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_SKIP = re.compile(rb"(?:%b|\{(?:%b)*+\})*+" % (_PLAIN, _PLAIN), re.DOTALL).match
_HALVES: Final = {0xDC80 + byte: 0x80 + byte for byte in range(0x80)}


@dataclass(slots=True)
class Tally:
    """What came of the objects of a file."""

    whole: int = 0
    """Those that were read."""
    damaged: int = 0
    too_large: int = 0
    not_utf8: int = 0
    """Those of the read ones with bytes that are not UTF-8 and were taken as latin-1."""
    cut_short: bool = False
    """Whether the file ends in the middle of something."""


def entries(pieces: Iterable[bytes], tally: Tally, matters: bytes) -> Iterator[object]:
    """Yields the objects in any list named `entries`; without such a list those in a list, or one after the other.

    Args:
        pieces: JSON in UTF-8, in pieces of any size; several documents may follow each other.
        tally: Is told what came of them.
        matters: Only an object with this text, in lower case, is counted as lost if it cannot be read.
    """
    for raw in _objects(pieces, tally):
        if len(raw) > LARGEST or _is_of_too_many_parts(raw):
            tally.too_large += matters in raw.lower()
            continue
        try:
            value = _value(raw, tally)
        except (ValueError, RecursionError, MemoryError):
            tally.damaged += 1
            continue
        tally.whole += 1
        yield value


def _is_of_too_many_parts(raw: bytes) -> bool:
    """Whether an object has more strings and brackets than a request. JSON that a string holds does not count."""
    if raw.count(b'"') // 2 + raw.count(b"{") + raw.count(b"[") <= _MOST_PARTS:
        return False
    outside = _WHOLE_STRINGS(b'"', raw)
    return outside.count(b'"') + outside.count(b"{") + outside.count(b"[") > _MOST_PARTS


def _value(raw: bytes, tally: Tally) -> object:
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        # Halves of characters, NaN, bytes that are not UTF-8: what the standard's parser and latin-1 can take.
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "surrogateescape").translate(_HALVES)
            tally.not_utf8 += 1
        value = json.loads(text, parse_int=float, strict=False)
    return value


def _objects(pieces: Iterable[bytes], tally: Tally) -> Iterator[bytes]:
    """The bytes of each object; of one that is too large only the beginning."""
    splitter = _Splitter()
    for piece in pieces:
        yield from splitter.feed(piece)
        if splitter.too_deep:
            break
    tally.cut_short = splitter.unfinished


class _Splitter:
    """Follows brackets and strings over the pieces of a file, and keeps the object that it is in."""

    def __init__(self) -> None:
        self._depth = 0
        self._listed = 0  # the depth within the list of entries; 0 outside of one
        self._kept: bytearray | None = None  # the object so far, without what of it is in this piece
        self._base = 0  # the depth in which it began
        self._start = 0  # where in this piece that which belongs to the object begins
        self._in_string = self._escaped = False
        self._name = b""  # the string that was read last, its beginning

    @property
    def too_deep(self) -> bool:
        """Whether this cannot be what is looked for, so that the rest need not be looked at."""
        return not self._listed and self._depth > _HOPELESS

    @property
    def unfinished(self) -> bool:
        """Whether more should come."""
        return self._depth > 0 or self._in_string

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yields the objects that end in a piece."""
        at = self._start = 0
        while at < len(piece):
            if self._in_string:
                at = self._string(piece, at)
                continue
            go_on = self._within if 0 < self._listed < self._depth else self._between
            at = go_on(piece, at)
            if self._kept is not None and self._depth == self._base:
                self._keep(piece, at)
                yield bytes(self._kept)
                self._kept = None
        if self._kept is not None:
            self._keep(piece, len(piece))

    def _within(self, piece: bytes, at: int) -> int:
        """Goes on in an entry, where names do not matter; returns where it or the piece ends, or a string begins."""
        depth, base, end = self._depth, self._listed, len(piece)
        while depth > base:
            found = _SKIP(piece, at)
            at = found.end() if found else at
            if at == end:
                break
            byte = piece[at]
            at += 1
            if byte == _QUOTE:  # of a string that does not end in this piece
                self._in_string, self._name = True, b""
                break
            depth += 1 if byte in _OPENING else -1
        self._depth = depth
        return at

    def _between(self, piece: bytes, at: int) -> int:
        """Looks at the next bracket or quotation mark, and returns where it ends."""
        token = _TOKEN(piece, at)
        if token is None:
            return len(piece)
        at = token.end()
        byte = piece[at - 1]
        if byte == _QUOTE:
            self._in_string, self._name = True, b""
            return at
        if byte in _OPENING:
            self._opened(byte, at - 1)
        else:
            self._depth = max(self._depth - 1, 0)
            if self._depth < self._listed:
                self._listed = 0
        self._name = b""
        return at

    def _string(self, piece: bytes, at: int) -> int:
        """Goes on in a string, and returns where it ends, or where the piece does."""
        if self._escaped:
            self._escaped = False
            return at + 1
        found = _STRING(piece, at)
        stop = found.end() if found else at
        if len(self._name) < _NAME:
            self._name += piece[at : min(stop, at + _NAME)]
        if stop < len(piece):  # at a quotation mark, or at a backslash that ends the piece
            self._escaped = piece[stop] == _BACKSLASH
            self._in_string = self._escaped
        return stop + 1

    def _opened(self, bracket: int, at: int) -> None:
        if bracket == _BRACE and self._kept is None and self._depth == (self._listed or min(self._depth, 1)):
            self._kept, self._base, self._start = bytearray(), self._depth, at
        self._depth += 1
        if bracket != _BRACE and self._name == _ENTRIES and not self._listed and self._depth <= _DEEPEST:
            self._listed, self._kept = self._depth, None

    def _keep(self, piece: bytes, end: int) -> None:
        """Adds to the object, up to one byte more than it may have, by which it is known as too large."""
        if self._kept is not None:
            self._kept += piece[self._start : min(end, self._start + LARGEST + 1 - len(self._kept))]


_HOPELESS: Final = 1000  # brackets in each other
_BACKSLASH: Final = 0x5C
_BRACE: Final = 0x7B
_QUOTE: Final = 0x22
_OPENING: Final = b"{["
