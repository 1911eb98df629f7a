"""Undoes the encodings of HTTP bodies - gzip, deflate, br - and never makes more of them than is asked for."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

MAX_BODY: Final = 4 << 20
"""Bytes of a body that are kept: a thousand times what a machine sends. A few bytes may expand to gigabytes."""
_ALWAYS: Final = 1 << 16  # bytes that any packed text may expand to
_MOST_EXPANSION: Final = 200  # times; JSON expands to ten or twenty times its packed size, zeros to a thousand
_MOST_ENCODINGS: Final = 4  # servers use one; each more multiplies what a few bytes expand to
_BROTLI_PIECE: Final = 16  # bytes that are decoded at once; brotli expands a piece to some 32 MB at most


def most_of(packed: int, limit: int) -> int:
    """Return how many bytes to make of some packed ones: the time for a file must grow with the file.

    >>> most_of(100, MAX_BODY), most_of(10_000, MAX_BODY), most_of(1 << 20, MAX_BODY)
    (65536, 2000000, 4194304)
    """
    return min(limit, max(_ALWAYS, packed * _MOST_EXPANSION))


class Decoded(NamedTuple):
    """A body without its encodings."""

    body: bytes
    problems: tuple[str, ...] = ()


def decoded(body: bytes, encodings: Sequence[str], limit: int = MAX_BODY) -> Decoded:
    """Return a body without its encodings. It never raises; what cannot be undone is left as it is.

    Args:
        body: As it was sent.
        encodings: Values of `Content-Encoding`, in the order in which they were applied.
        limit: Bytes that are made of it at most, in each step.

    >>> decoded(b"{}", []), decoded(b"{}", ["gzip"]).problems
    (Decoded(body=b'{}', problems=()), ('the body is not gzip, as its header says',))
    """
    names = [name.strip().lower() for each in encodings for name in each.split(",") if name.strip()]
    if len(names) > _MOST_ENCODINGS:
        return Decoded(body, (f"the body is encoded {len(names)} times, of which nothing is undone",))
    problems: tuple[str, ...] = ()
    limit = most_of(len(body), limit)  # for all encodings together
    for name in reversed(names):
        undo = _KNOWN.get(name)
        if not body or name == "identity":
            continue
        if undo is None:
            return Decoded(body, (*problems, f"the body is encoded as {name[:20]!r}, which is unknown"))
        body, problem = undo(body, limit)
        if problem:
            problems = (*problems, problem)
            if _is_untouched(problem):
                break
    return Decoded(body, problems)


def _is_untouched(problem: str) -> bool:
    return problem.endswith((_NOT_SO, _NO_PACKAGE))


_NOT_SO: Final = "as its header says"
_NO_PACKAGE: Final = "pip install brotli"


def _inflated(body: bytes, limit: int, name: str, wbits: int) -> tuple[bytes, str]:
    unpacker = zlib.decompressobj(wbits)
    pieces = bytearray()
    try:
        rest = body
        while rest and len(pieces) <= limit and not unpacker.eof:
            pieces += unpacker.decompress(rest, 1 << 16)
            rest = unpacker.unconsumed_tail
        if not unpacker.eof and len(pieces) <= limit:
            pieces += unpacker.decompress(b"", 1 << 16)
    except zlib.error:
        if not pieces:
            return body, f"the body is not {name}, {_NOT_SO}"
        return bytes(pieces[:limit]), f"the {name} of the body is damaged: what follows is left out"
    if len(pieces) > limit:
        return bytes(pieces[:limit]), _too_long(limit)
    return bytes(pieces), "" if unpacker.eof else f"the {name} of the body is cut off"


def _gzip(body: bytes, limit: int) -> tuple[bytes, str]:
    return _inflated(body, limit, "gzip", 16 + zlib.MAX_WBITS)


def _deflate(body: bytes, limit: int) -> tuple[bytes, str]:
    """Undo `deflate`, which is zlib by its definition, and without zlib's header in some programs."""
    found, problem = _inflated(body, limit, "deflate", zlib.MAX_WBITS)
    if problem.endswith(_NOT_SO):
        return _inflated(body, limit, "deflate", -zlib.MAX_WBITS)
    return found, problem


def _brotli(body: bytes, limit: int) -> tuple[bytes, str]:
    try:
        import brotli  # noqa: PLC0415 -- not everybody has it, and no gateway needs it
    except ImportError:
        return body, f"the body is encoded as br, for which a package is missing: {_NO_PACKAGE}"
    unpacker = brotli.Decompressor()
    pieces = bytearray()
    try:
        for start in range(0, len(body), _BROTLI_PIECE):
            pieces += unpacker.process(body[start : start + _BROTLI_PIECE])
            if len(pieces) > limit:
                return bytes(pieces[:limit]), _too_long(limit)
    except brotli.error:
        if not pieces:
            return body, f"the body is not br, {_NOT_SO}"
        return bytes(pieces), "the br of the body is damaged: what follows is left out"
    return bytes(pieces), "" if unpacker.is_finished() else "the br of the body is cut off"


def _too_long(limit: int) -> str:
    return f"the body is longer than {limit:,} bytes when it is unpacked: what follows is left out"


_KNOWN: Final[dict[str, Callable[[bytes, int], tuple[bytes, str]]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
}
