"""How one value may be spelled: plain, escaped, encoded, in hexadecimal, or the other way round."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

SHORTEST: Final = 5
"""Characters. A shorter value is replaced where its name says what it is, and looked for nowhere else."""
SURE: Final = 8
"""Characters, from which on a value is looked for within other words too."""

_LEAST_DIFFERENT: Final = 3

_ESCAPE: Final = re.compile("%[0-9A-F]{2}")
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f]{12}\Z").match


def is_telling(value: str) -> bool:
    """Return whether a value tells anything where it stands without its name.

    >>> [is_telling(each) for each in ("on", "00000000", "La Marzocco", "MR012345")]
    [False, False, False, True]
    """
    from lmdecode.redaction.words import known_text  # noqa: PLC0415 -- beside its only use

    is_long = len(value) >= SHORTEST and len(set(value)) >= _LEAST_DIFFERENT
    return is_long and value.casefold() not in known_text()


def spellings(value: str, *, all_of_them: bool = True) -> frozenset[bytes]:
    """Return the ways in which a value may stand in a file, as bytes.

    Args:
        value: The value; a hardware address without marks.
        all_of_them: Whether what programs encode is wanted, too, and not only what they write.

    >>> b"bWVAZXhhbXBsZS5jb2" in spellings("me@example.com")
    True
    """
    return frozenset(each for each in _spelled(value, all_of_them=all_of_them) if len(each) >= SHORTEST)


def _spelled(value: str, *, all_of_them: bool) -> Iterator[bytes]:
    plain = value.encode("utf-8", "surrogatepass")
    yield plain
    if not all_of_them:
        return
    for text in {value, value.lower(), value.upper()}:
        data = text.encode("utf-8", "surrogatepass")
        yield data
        for escaped in (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
            yield escaped.encode("utf-8", "surrogatepass")
            yield escaped.replace("/", "\\/").encode("utf-8", "surrogatepass")
            yield json.dumps(escaped)[1:-1].encode()
        yield quote(data, safe="").encode()
        yield quote_plus(data).encode()
        yield _ESCAPE.sub(lambda found: found[0].lower(), quote(data, safe="")).encode()
        yield repr(text)[1:-1].encode("utf-8", "surrogatepass")
        yield data.hex().encode()
        yield data.hex().upper().encode()
        yield text.encode("utf-16-le", "surrogatepass")
        yield text.encode("utf-16-be", "surrogatepass")
        yield from _in_base64(data)
    if _ADDRESS(value):
        octets = bytes.fromhex(value)
        for each in (octets, octets[::-1]):
            digits = each.hex()
            for mark in ("", ":", "-"):
                joined = mark.join(digits[at : at + 2] for at in range(0, 12, 2)).encode()
                yield joined
                yield joined.upper()
            yield each


def _in_base64(data: bytes) -> Iterator[bytes]:
    """Yield what stands in base64 of a longer text that has the data somewhere: of three places one is right."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data)
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        inner = encoded[first:last]
        if len(inner) >= SURE:
            yield inner
            yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def contains(data: bytes, values: Iterable[bytes]) -> bytes | None:
    """Return the first of some spellings that is in the data; None if none is.

    A short one counts only where it is a word of its own.
    """
    for value in values:
        at = data.find(value)
        while at >= 0:
            end = at + len(value)
            if len(value) >= SURE or not (_is_word(data[at - 1 : at]) or _is_word(data[end : end + 1])):
                return value
            at = data.find(value, at + 1)
    return None


def _is_word(character: bytes) -> bool:
    return character.isalnum() or character == b"_"
