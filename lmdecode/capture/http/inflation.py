"""Bodies without their compression, never more of them than a body of the cloud can have.

A few bytes can unpack to gigabytes: so nothing is unpacked whole and looked at then, but in pieces that are counted.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from lmdecode.extras import install_packages

LARGEST: Final = 4 << 20  # bytes; a fleet has thousands, and 4 MB of JSON can take 100 MB as objects
_MOST_CODINGS: Final = 4  # servers use one; each more multiplies what a few bytes unpack to
_ZLIB_PIECE: Final = 1 << 14  # bytes, of both sides
_BROTLI_PIECE: Final = 16  # bytes; one meta-block unpacks to at most 16 MB, and no shorter piece holds more than two
_ZSTD_PIECE: Final = 64  # bytes; a block of 4 bytes unpacks to at most 128 KB
_ZSTD_WINDOW: Final = 8 << 20  # bytes; what RFC 8878 asks of decoders, and all that browsers take


_FREE: Final = 32 << 20  # bytes that the bodies of any file may unpack to
_RATIO: Final = 8  # and further bytes for each of the file; a body is unpacked up to four times
_LOST: Final = 1 << 16  # bytes that count for what a damaged piece unpacked to, which nobody sees
_allowed: ContextVar[list[int] | None] = ContextVar("_allowed", default=None)
"""How many more bytes may be unpacked; a list of one number."""


class UnreadableError(ValueError):
    """A body that cannot be unpacked. Its text goes on after the body's name: `claims to be gzip, but is not`.

    Args:
        text: That.
        beginning: What could be unpacked of it.
    """

    def __init__(self, text: str, beginning: bytes = b"") -> None:
        super().__init__(text)
        self.beginning = beginning


@contextmanager
def bodies_of_a_file(size: int) -> Iterator[None]:
    """Limits what all bodies of a recording unpack to, together: a limit for each is none for a million of them.

    Args:
        size: Bytes of the recording.
    """
    with bodies_within([_FREE + _RATIO * size]):
        yield


@contextmanager
def bodies_within(allowed: list[int]) -> Iterator[None]:
    """Limits what all bodies unpack to, by a number that goes on from one call to the next.

    Args:
        allowed: How many more bytes may be unpacked; a list of one number, which is changed.
    """
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)


def allowed_for(size: int, *, free: bool = False) -> int:
    """Returns how many bytes the bodies of so many bytes of a recording may unpack to.

    Args:
        size: Bytes of the recording.
        free: Whether to add what those of any file may.
    """
    return _FREE * free + _RATIO * size


def inflate(body: bytes, codings: str) -> bytes:
    """Returns a body without its compression.

    Args:
        body: As it was sent.
        codings: The value of its header Content-Encoding.

    Raises:
        UnreadableError: It is not what the header says, is cut short, or unpacks to more than `LARGEST`; or those
            before it unpacked to more than `bodies_of_a_file` allows.
    """
    allowed = _allowed.get()
    names = [name for each in codings.split(",", _MOST_CODINGS) if (name := each.strip().lower())]
    if len(names) > _MOST_CODINGS:
        raise UnreadableError("is compressed more often than anybody does")
    for name in reversed(names):
        if not body:
            break
        decoder = _DECODERS.get(name)
        if decoder is None:
            raise UnreadableError("is compressed in an unknown way")
        if allowed is not None and allowed[0] < 0 and name != "identity":
            raise UnreadableError("is left packed: the bodies before it unpacked to far more than recorded ones do")
        body = decoder(body)
    if len(body) > LARGEST:
        raise UnreadableError(f"has more than {LARGEST >> 20} MB")
    return body


def _gzip(body: bytes) -> bytes:
    return _unzipped(body, (31,), "gzip")


def _deflate(body: bytes) -> bytes:
    return _unzipped(body, (15, -15), "deflate")  # the second is what many servers send: without zlib's header


def _unzipped(body: bytes, windows: tuple[int, ...], name: str) -> bytes:
    for window in windows:
        machine = zlib.decompressobj(window)
        plain = bytearray()
        try:
            for start in range(0, len(body), _ZLIB_PIECE):
                piece = body[start : start + _ZLIB_PIECE]
                while not machine.eof and len(plain) <= LARGEST:
                    more = machine.decompress(piece, _ZLIB_PIECE)
                    plain += more
                    piece = machine.unconsumed_tail
                    if not piece and len(more) < _ZLIB_PIECE:  # else there is more to come of what it has
                        break
        except zlib.error:
            continue
        finally:
            _spend(len(plain))
        return _checked(bytes(plain), name, whole=machine.eof)
    raise UnreadableError(f"claims to be {name}, but is not")


def _zstd(body: bytes) -> bytes:
    from zstandard import ZstdDecompressor, ZstdError  # noqa: PLC0415 -- few bodies need it

    machine = ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
    try:
        plain = _in_pieces(body, _ZSTD_PIECE, machine.decompress, lambda: machine.eof)
    except (ZstdError, MemoryError):
        raise UnreadableError("claims to be zstd, but is not") from None
    return _checked(plain, "zstd", whole=machine.eof)


def _brotli(body: bytes) -> bytes:
    name = next((each for each in ("brotli", "brotlicffi") if find_spec(each)), None)
    if name is None:
        raise UnreadableError(f"is compressed with brotli, which needs: {install_packages('brotli')}")
    library = import_module(name)
    machine = library.Decompressor()
    try:
        # Not all versions of the library take a limit; but all of them give at once what a piece unpacks to.
        plain = _in_pieces(body, _BROTLI_PIECE, machine.process, machine.is_finished)
    except library.error:
        raise UnreadableError("claims to be br (brotli), but is not") from None
    return _checked(plain, "br", whole=machine.is_finished())


def _in_pieces(body: bytes, size: int, unpack: Callable[[bytes], bytes], ended: Callable[[], bool]) -> bytes:
    """What a body unpacks to, up to the limit and a byte."""
    plain = bytearray()
    lost = _LOST
    try:
        for start in range(0, len(body), size):
            if ended() or len(plain) > LARGEST:
                break
            plain += unpack(body[start : start + size])
        lost = 0
    finally:
        _spend(len(plain) + lost)
    return bytes(plain[: LARGEST + 1])


def _spend(count: int) -> None:
    """Counts what was unpacked, whatever came of it."""
    allowed = _allowed.get()
    if allowed is not None:
        allowed[0] -= count


def _checked(plain: bytes, name: str, *, whole: bool) -> bytes:
    if len(plain) > LARGEST:
        raise UnreadableError(f"is {name} that unpacks to more than {LARGEST >> 20} MB")
    if not whole:
        raise UnreadableError(f"is {name} that is cut short", plain)
    return plain


_DECODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "identity": bytes,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
    "br": _brotli,
}
